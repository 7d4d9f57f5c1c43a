package bitbucket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/linkersync/linkersync/shared/transport"
)

// send does one exchange and returns the body of a 2xx answer; everything else
// is an error that names the method and the path, and never the credentials.
func send(client *http.Client, req *http.Request, now func() time.Time, secrets ...string) ([]byte, error) {
	pinned := *client
	// A client of the caller's may follow redirects; credentials must not be sent on.
	pinned.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req.Header.Set("Accept", contentJSON)
	res, err := pinned.Do(req)
	if err != nil {
		return nil, unsent(req, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := transport.ReadBody(res.Body, transport.DefaultMaxBody)
	switch {
	case err != nil:
		return nil, unsent(req, err)
	case res.StatusCode >= 200 && res.StatusCode <= 299:
		return body, nil
	case res.StatusCode >= 300 && res.StatusCode <= 399:
		return nil, fmt.Errorf("%s %s: answer %d: %w", req.Method, req.URL.EscapedPath(), res.StatusCode, transport.ErrRedirect)
	}
	if now == nil {
		now = time.Now
	}
	return nil, newAPIError(req, res, body, now(), secrets)
}

// unsent is the error for a request that got no answer, or not all of it.
func unsent(req *http.Request, err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // it repeats method and URL
	}
	prefix := req.Method + " " + req.URL.EscapedPath()
	for _, final := range []error{context.Canceled, transport.ErrRedirect, transport.ErrBodyTooLarge, transport.ErrAuthorization} {
		if errors.Is(err, final) {
			return fmt.Errorf("%s: %w", prefix, err) // asking again later changes nothing
		}
	}
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("%s: %w: %w: %w", prefix, ErrUnavailable, ErrTimeout, err)
	}
	return fmt.Errorf("%s: %w: %w", prefix, ErrUnavailable, err)
}

// decode reads a 2xx body. A proxy's login page or an empty body is ErrNotJSON;
// what was in it isn't quoted, because a success may hold a secret.
func decode(r request, body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("%s %s: got %d bytes of something else: %w", r.method, r.url.EscapedPath(), len(bytes.TrimSpace(body)), ErrNotJSON)
	}
	if err != nil {
		return unknownShape(r, "unexpected types")
	}
	return nil
}

func unknownShape(r request, what string) error {
	return fmt.Errorf("%s %s: %s: %w", r.method, r.url.EscapedPath(), what, ErrUnknownShape)
}
