package transport

import (
	"context"
	"net/http"
	"time"
)

// Timeout bounds one attempt (0 means DefaultTimeout). It must sit outside MaxBody,
// which reads the body while the time-out still counts.
func Timeout(next http.RoundTripper, d time.Duration) http.RoundTripper {
	if d <= 0 {
		d = DefaultTimeout
	}
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		ctx, cancel := context.WithTimeout(req.Context(), d)
		defer cancel()
		return next.RoundTrip(req.WithContext(ctx))
	})
}
