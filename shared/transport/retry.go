package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// firstWait is before the second attempt; each further wait doubles.
	firstWait = 500 * time.Millisecond
	// firstLimitedWait is its counterpart after a 429 without Retry-After.
	// Bitbucket's limits are over a rolling hour, so half a second is pointless.
	firstLimitedWait = 4 * time.Second
	// maxWait caps a single wait. A server that asks for a longer one gets its 429
	// or 503 handed to the caller instead, who knows better what to do meanwhile.
	maxWait = time.Minute
	// drainLimit is how much of a discarded answer is read to keep its connection.
	drainLimit = 4 << 10
)

// Policy says how often and how patiently Retry repeats.
type Policy struct {
	// Attempts counts the first try, too; 0 means DefaultAttempts.
	Attempts int
	// FailFastOn429 hands a 429 back at once.
	FailFastOn429 bool
	// Now and Sleep default to the real clock.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

type retry struct {
	next   http.RoundTripper
	policy Policy
}

// Retry repeats what failed for a reason that may pass: connection errors, 429,
// and 5xx except 501. It repeats only what is safe to repeat (see Repeatable),
// waits with jitter or as Retry-After says, and stops when its attempts are used
// up or the next wait would end after the context's deadline. The last answer is
// returned as it is, so that the caller sees the cause and not a summary.
//
// What is worth repeating and how waits grow is go-retryablehttp's judgement. Its
// loop isn't used: it sleeps on a timer that tests can't replace, doesn't look at
// the deadline before it sleeps, and closes all idle connections after a failure,
// which would cost a fan-out a handshake per rate limited call.
func Retry(next http.RoundTripper, p Policy) http.RoundTripper {
	if p.Attempts <= 0 {
		p.Attempts = DefaultAttempts
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Sleep == nil {
		p.Sleep = Sleep
	}
	return &retry{next: next, policy: p}
}

// RoundTrip implements http.RoundTripper.
func (r *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	attempts := r.policy.Attempts
	if !repeatable(req) {
		attempts = 1
	}
	for attempt, current := 1, req; ; attempt++ {
		res, err := r.next.RoundTrip(current)
		if attempt >= attempts || !r.worthRepeating(req.Context(), res, err) {
			return res, err
		}
		wait, ok := r.wait(req.Context(), attempt, res)
		if !ok {
			return res, err
		}
		discard(res)
		if err := r.policy.Sleep(req.Context(), wait); err != nil {
			return nil, fmt.Errorf("wait before attempt %d: %w", attempt+1, err)
		}
		if current, err = rewind(req); err != nil {
			return nil, err
		}
	}
}

func (r *retry) worthRepeating(ctx context.Context, res *http.Response, err error) bool {
	if errors.Is(err, ErrBodyTooLarge) || errors.Is(err, ErrAuthorization) || errors.Is(err, errNoTurn) {
		return false
	}
	if res != nil && res.StatusCode == http.StatusTooManyRequests && r.policy.FailFastOn429 {
		return false
	}
	if err != nil {
		// The policy looks for certificate and scheme errors only inside this type.
		err = &url.Error{Op: "send", Err: err}
	}
	again, _ := retryablehttp.DefaultRetryPolicy(ctx, res, err) // its error repeats ctx.Err(), which says "no" already
	return again
}

// wait is how long to wait before the next attempt, and whether to make it at all.
func (r *retry) wait(ctx context.Context, attempt int, res *http.Response) (time.Duration, bool) {
	now := r.policy.Now()
	wait := backoff(attempt, res, now)
	if wait > maxWait {
		return 0, false
	}
	if deadline, ok := ctx.Deadline(); ok && now.Add(wait).After(deadline) {
		return 0, false
	}
	return wait, true
}

// backoff adds up to a tenth to what the server asked for, and otherwise takes
// between half and all of the exponential wait, so that workers that failed
// together don't come back together.
func backoff(attempt int, res *http.Response, now time.Time) time.Duration {
	first := firstWait
	if res != nil {
		if asked, ok := RetryAfter(res.Header, now); ok {
			return asked + rand.N(asked/10+time.Millisecond) //nolint:gosec // jitter is no secret
		}
		if res.StatusCode == http.StatusTooManyRequests {
			first = firstLimitedWait
		}
	}
	full := retryablehttp.DefaultBackoff(first, maxWait, attempt-1, nil)
	return full/2 + rand.N(full/2) //nolint:gosec // jitter is no secret
}

// rewind copies the request with its body from the start.
func rewind(req *http.Request) (*http.Request, error) {
	again := req.Clone(req.Context())
	if req.GetBody == nil {
		return again, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, fmt.Errorf("rewind request body: %w", err)
	}
	again.Body = body
	return again, nil
}

func discard(res *http.Response) {
	if res == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, res.Body, drainLimit) // only to reuse the connection
	_ = res.Body.Close()
}
