package infisical

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	// maxAttempts and maxWait bound the waiting on 429. Infisical's window is one
	// minute, so a header that asks for more than that isn't its limiter's.
	maxAttempts = 3
	maxWait     = time.Minute
	// defaultWait is for a 429 without a header, as proxies send it.
	defaultWait = 5 * time.Second
)

// request is one call of the API.
type request struct {
	method string
	// version is of the API: v1 when empty.
	version string
	// path has constants, slugs and UUIDs only, which need no escaping.
	path  []string
	query url.Values
	// body is sent as JSON; nil sends none, and no content type: Infisical takes
	// an empty body with one for malformed.
	body any
	// secrets are in the body, and must not come back in an error's text.
	secrets []redact.Secret
	token   redact.Secret
	// login is for the other meaning that status codes have there.
	login bool
	// repeatable is for a POST that package transport may repeat.
	repeatable bool
}

// answer is a decoded body that knows whether it holds what was asked for. A
// proxy's page or another service's JSON doesn't.
type answer interface{ complete() bool }

// send makes the call, and again after a 429: Infisical's limiter answers before
// it looks at the request, so even a create may be repeated.
func (c *Client) send(ctx context.Context, r request, into answer) error {
	for attempt := 1; ; attempt++ {
		err := c.exchange(ctx, r, into)
		wait, again := c.retryWait(ctx, err)
		if !again || attempt == maxAttempts {
			return err
		}
		if sleepErr := c.sleep(ctx, wait); sleepErr != nil {
			return fmt.Errorf("%w; stopped waiting: %w", err, sleepErr)
		}
	}
}

// retryWait tells how long to wait before the call may be repeated, if it may.
// The 429 of the lock around wrong secrets counts as a refusal.
func (c *Client) retryWait(ctx context.Context, err error) (time.Duration, bool) {
	var failed *APIError
	if !errors.As(err, &failed) || !errors.Is(err, ErrRateLimited) || errors.Is(err, ErrLoginRefused) {
		return 0, false
	}
	wait := failed.RetryAfter
	if wait == 0 {
		wait = defaultWait
	}
	deadline, bounded := ctx.Deadline()
	if wait > maxWait || bounded && c.now().Add(wait).After(deadline) {
		return 0, false
	}
	return wait, true
}

func (c *Client) exchange(ctx context.Context, r request, into answer) error {
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return err
	}
	scrub := newScrubber(append([]redact.Secret{r.token}, r.secrets...)...)
	res, err := c.endpoint.http.Do(req)
	if err != nil {
		return unreachable(scrub.error(err))
	}
	defer res.Body.Close()
	body, err := transport.ReadBody(res.Body, maxAnswer)
	if err != nil {
		return fmt.Errorf("read Infisical's answer to %s %s: %w", r.method, req.URL.Path, scrub.error(err))
	}
	got := received{
		method: r.method, path: req.URL.Path, login: r.login,
		status: res.StatusCode, header: res.Header, body: body, now: c.now(), scrub: scrub,
	}
	if res.StatusCode >= 300 {
		return got.failure()
	}
	if json.Unmarshal(body, into) != nil || !into.complete() {
		return got.unexpected()
	}
	return nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	target := c.endpoint.base.JoinPath("api", cmp.Or(r.version, "v1")).JoinPath(r.path...)
	target.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode %s %s: %w", r.method, target.Path, err)
		}
		body = bytes.NewReader(encoded)
	}
	if r.repeatable {
		ctx = transport.Repeatable(ctx)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target.String(), body)
	if err != nil {
		return nil, fmt.Errorf("prepare %s %s: %w", r.method, target.Path, err)
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !r.token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+r.token.Reveal())
	}
	return req, nil
}

// unreachable adds to a connection's error what a person can do about it.
func unreachable(err error) error {
	var unknownAuthority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("call Infisical: %w", err)
	case errors.Is(err, transport.ErrRedirect):
		return fmt.Errorf("call Infisical: %w (%w); set the base URL to the address it redirects to", err, ErrUnexpectedAnswer)
	case errors.As(err, &unknownAuthority):
		return fmt.Errorf("call Infisical: %w; if the server is your own, name the file of its certificate authority", err)
	default:
		return fmt.Errorf("call Infisical: %w; check the base URL and the network", err)
	}
}
