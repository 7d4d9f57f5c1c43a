package infisical_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/infisical"
)

func rateHeaders(header http.Header) map[string]string {
	found := map[string]string{}
	for _, name := range []string{"Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
		if value := header.Get(name); value != "" {
			found[name] = value
		}
	}
	return found
}

func TestSelfHostedHasNoLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	for range 700 {
		if got := r.do(request{method: "GET", path: connectionsURL, token: token}); got.status != 200 || len(rateHeaders(got.header)) != 0 {
			t.Fatalf("status %d, headers %v", got.status, got.header)
		}
	}
}

func TestCloudLimitsReadsAndWritesApart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sim.SetLimits(infisical.Limits{All: 100, Read: 2, Write: 2})
	token := r.login("robot") // a write
	list := request{method: "GET", path: connectionsURL, token: token}
	if diff := cmp.Diff(map[string]string{
		"X-Ratelimit-Limit": "2", "X-Ratelimit-Remaining": "1", "X-Ratelimit-Reset": "60",
	}, rateHeaders(r.want(200, "", "", list).header)); diff != "" {
		t.Error(diff)
	}
	r.clock.Advance(15500 * time.Millisecond)
	r.want(200, "", "", list)
	limited := r.want(429, "RateLimitExceeded", "Rate limit exceeded. Please try again in 45 seconds", list)
	if diff := cmp.Diff(map[string]string{
		"Retry-After": "45", "X-Ratelimit-Limit": "2", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "45",
	}, rateHeaders(limited.header)); diff != "" {
		t.Error(diff)
	}
	r.create(token, nil)
	r.want(429, "RateLimitExceeded", "Rate limit exceeded. Please try again in 45 seconds", loginRequest("robot", "secret", ""))
	r.clock.Advance(45 * time.Second)
	r.want(200, "", "", list)
}

// Token first, then the body's syntax, then the limit, then its content.
func TestLimitsComeBetweenTokenAndValidation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.sim.SetLimits(infisical.Limits{Write: 1})
	r.want(422, "ValidationFailure", "", request{method: "POST", path: connectionsURL, token: token, body: `{}`})
	r.want(429, "RateLimitExceeded", "Rate limit exceeded. Please try again in 60 seconds",
		request{method: "POST", path: connectionsURL, token: token, body: `{}`})
	r.want(500, "InternalServerError", "Something went wrong", request{method: "POST", path: connectionsURL, token: token, body: `{`})
	r.want(401, "UnauthorizedError", "Token missing", request{method: "POST", path: connectionsURL, body: `{}`})
}

func TestAllRequestsHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.sim.SetLimits(infisical.Limits{All: 2, Read: 1})
	r.want(200, "", "", request{method: "GET", path: connectionsURL, token: token})
	r.want(200, "", "", loginRequest("robot", "secret", ""))
	r.want(429, "RateLimitExceeded", "Rate limit exceeded. Please try again in 60 seconds", loginRequest("robot", "secret", ""))
}
