// Package transport holds the RoundTrippers that linkersync's HTTP clients are
// stacked from, one concern per file: retries, rate limit, size cap, time-out,
// user agent, authorization, no redirects.
//
// It knows HTTP, not Bitbucket or Infisical: what an answer means is decided in
// the packages that speak to them.
package transport

import (
	"context"
	"net/http"
	"time"
)

// The defaults suit a JSON API that is called by a Lambda function or a CI step.
const (
	// DefaultUserAgent names the product; edges add their version.
	DefaultUserAgent = "linkersync"
	// DefaultAttempts is the first try and three repeats.
	DefaultAttempts = 4
	// DefaultTimeout is for one attempt, from dialling to the last byte of the body.
	DefaultTimeout = 30 * time.Second
	// DefaultMaxBody is 4 MiB: a page of a hundred values is below 100 KiB, and a
	// bare list of ten thousand values is below 2 MiB.
	DefaultMaxBody = 4 << 20
)

// Options set up a stack of RoundTrippers. The zero value is a good default.
type Options struct {
	// UserAgent defaults to DefaultUserAgent.
	UserAgent string
	// Attempts counts the first try, too; 0 means DefaultAttempts, 1 never repeats.
	Attempts int
	// RequestsPerSecond caps the rate of attempts; 0 means no cap.
	RequestsPerSecond float64
	// Timeout is for each attempt; 0 means DefaultTimeout. The whole call is
	// bounded by the request's context.
	Timeout time.Duration
	// MaxBody is the largest response body in bytes; 0 means DefaultMaxBody.
	MaxBody int64
	// FailFastOn429 hands a 429 back at once, for callers that can put their work
	// away for later better than by holding a worker while it waits.
	FailFastOn429 bool
	// Watch, when set, is called after each attempt.
	Watch func(Attempt)
	// Now and Sleep default to the real clock.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Next is the innermost transport; nil means a new Base().
	Next http.RoundTripper
}

// New stacks the RoundTrippers in the order in which they work, outermost first:
//
//	UserAgent   once per call
//	NoRedirect  outside the retries: a redirect isn't a failure that passes
//	Retry       repeats everything below
//	RateLimit   counts each attempt, not each call
//	Authorize   after both waits, so that a token of three minutes is fresh when it is sent
//	Watch       sees each attempt with its body, and no credential
//	Timeout     for one attempt, without the waiting above
//	MaxBody     reads the body inside the time-out, so that a body cut off is an error that Retry sees
//
// Share one stack between clients: it holds the connection pool and the rate limit.
func New(o Options) http.RoundTripper {
	next := o.Next
	if next == nil {
		next = Base()
	}
	next = MaxBody(next, o.MaxBody)
	next = Timeout(next, o.Timeout)
	next = watch(next, o.Watch, o.Now)
	next = Authorize(next, authorizationFromContext)
	next = RateLimit(next, Rate{PerSecond: o.RequestsPerSecond, Now: o.Now, Sleep: o.Sleep})
	next = Retry(next, Policy{Attempts: o.Attempts, FailFastOn429: o.FailFastOn429, Now: o.Now, Sleep: o.Sleep})
	next = NoRedirect(next)
	return UserAgent(next, o.UserAgent)
}

// roundTripper makes a RoundTripper of a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// refuse ends a request that isn't sent on. A RoundTripper has to close the body
// of every request it is given.
func refuse(req *http.Request, err error) (*http.Response, error) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read from it, so nothing can be lost
	}
	return nil, err
}

// Sleep waits on the real clock for d, or until ctx ends, whose cause it returns then.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
