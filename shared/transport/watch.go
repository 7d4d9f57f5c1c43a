package transport

import (
	"net/http"
	"time"
)

// Attempt is a request that was sent, and how it ended. It holds no query, header or
// body, which may have secrets.
type Attempt struct {
	Method, Path string
	// Status is zero when no answer came; Err says why.
	Status int
	Err    error
	Took   time.Duration
}

// watch tells see of each attempt, repeated ones too.
func watch(next http.RoundTripper, see func(Attempt), now func() time.Time) http.RoundTripper {
	if see == nil {
		return next
	}
	if now == nil {
		now = time.Now
	}
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		began := now()
		res, err := next.RoundTrip(req)
		attempt := Attempt{Method: req.Method, Path: req.URL.EscapedPath(), Err: err, Took: now().Sub(began)}
		if res != nil {
			attempt.Status = res.StatusCode
		}
		see(attempt)
		return res, err
	})
}
