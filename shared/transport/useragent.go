package transport

import "net/http"

// UserAgent names the product to servers; an empty agent means DefaultUserAgent.
// A request that names itself keeps its name.
func UserAgent(next http.RoundTripper, agent string) http.RoundTripper {
	if agent == "" {
		agent = DefaultUserAgent
	}
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Header.Get("User-Agent") == "" {
			req = req.Clone(req.Context()) // a RoundTripper must not change its request
			req.Header.Set("User-Agent", agent)
		}
		return next.RoundTrip(req)
	})
}
