package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// ErrAuthorization says that the header couldn't be made, so nothing was sent;
// repeating doesn't help.
var ErrAuthorization = errors.New("make authorization header")

// Authorization makes the value of the Authorization header for a request. Its
// errors must not hold a secret.
type Authorization = func(*http.Request) (header string, err error)

// Authorize sets the Authorization header of each attempt anew. An empty header
// leaves the request as it is; an error keeps it from being sent.
func Authorize(next http.RoundTripper, header Authorization) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		value, err := header(req)
		if err != nil {
			return refuse(req, fmt.Errorf("%w: %w", ErrAuthorization, err))
		}
		if value != "" {
			req = req.Clone(req.Context()) // a RoundTripper must not change its request
			req.Header.Set("Authorization", value)
		}
		return next.RoundTrip(req)
	})
}

type authorizationKey struct{}

// WithAuthorization gives the requests made with the context their Authorization
// header in a stack made by New. It lets many clients, each with credentials of
// its own, share one stack, and lets a short-lived token be made when it is sent
// instead of before the waits for retries and the rate limit.
func WithAuthorization(ctx context.Context, header Authorization) context.Context {
	return context.WithValue(ctx, authorizationKey{}, header)
}

func authorizationFromContext(req *http.Request) (string, error) {
	header, ok := req.Context().Value(authorizationKey{}).(Authorization)
	if !ok {
		return "", nil
	}
	return header(req)
}
