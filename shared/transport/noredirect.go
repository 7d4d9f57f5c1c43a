package transport

import (
	"errors"
	"fmt"
	"net/http"
)

// ErrRedirect says that a server answered with a redirect, which isn't followed.
var ErrRedirect = errors.New("redirects are not followed, so that credentials reach no other address")

// NoRedirect turns every 3xx into ErrRedirect: our APIs don't redirect, net/http
// would send credentials on within a domain, and a signed request is valid only
// for the address it was signed for.
func NoRedirect(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		if res.StatusCode >= 300 && res.StatusCode <= 399 {
			discard(res)
			return nil, fmt.Errorf("answer %d: %w", res.StatusCode, ErrRedirect)
		}
		return res, nil
	})
}
