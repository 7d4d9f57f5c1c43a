package bitbucket_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

func TestRemovedEndpoints(t *testing.T) {
	t.Parallel()
	const deprecated = "CHANGE-2770 - Functionality has been deprecated"
	for name, test := range map[string]struct {
		removal bitbucket.Removal
		status  int
		message string
	}{
		"gone":        {bitbucket.RemovedGone, http.StatusGone, deprecated},
		"not found":   {bitbucket.RemovedNotFound, http.StatusNotFound, deprecated},
		"unknown URL": {bitbucket.RemovedUnknownURL, http.StatusNotFound, "Resource not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bitbucket.Switches{Removed: test.removal})
			for _, q := range []request{
				{method: "GET", path: "/2.0/addon/linkers"},
				{method: "GET", path: "/2.0/addon/linkers/issues"},
				{method: "PUT", path: valuesURL, body: `["A"]`},
				{method: "DELETE", path: valuesURL + "/1"},
				{method: "GET", path: valuesURL, authorization: "Bearer x"},
			} {
				var got envelope
				r.want(test.status, q).decode(t, &got)
				if got.Type != "error" || got.Error.Message != test.message {
					t.Errorf("%s %s: %+v, want the message %q", q.method, q.path, got, test.message)
				}
			}
			// The addon itself is not deprecated.
			r.put("/2.0/addon", `{"descriptor":`+string(bitbucket.Descriptor(appKey, baseURL, "issues"))+`}`)
		})
	}
}

func TestHourlyBudgetRolls(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{HourlyBudget: 3})
	limited := func() bool {
		t.Helper()
		got := r.do(request{method: "GET", path: "/2.0/addon/linkers"})
		if got.status == http.StatusOK {
			return false
		}
		if got.status != http.StatusTooManyRequests || got.body != "Rate limit for this resource has been exceeded" ||
			got.header.Get("Content-Type") != "text/plain" {
			t.Errorf("got %d %q %q", got.status, got.header.Get("Content-Type"), got.body)
		}
		for name := range got.header {
			if strings.Contains(strings.ToLower(name), "ratelimit") || name == "Retry-After" {
				t.Errorf("header %s tells what the live service doesn't", name)
			}
		}
		return true
	}
	for _, step := range []struct {
		after   time.Duration
		limited bool
	}{
		{0, false},
		{30 * time.Minute, false},
		{0, false},
		{0, true}, // three calls at 0, 30 and 30 minutes
		{29 * time.Minute, true},
		{time.Minute, false},
		{0, true}, // the first call's hour is over
		{29 * time.Minute, true},
		{time.Minute, false},
		{0, false},
		{0, true},
		{1000 * time.Hour, false},
		{0, false},
		{0, false},
		{0, true},
	} {
		r.clock.Advance(step.after)
		if got := limited(); got != step.limited {
			t.Fatalf("at %s: limited is %t, want %t", r.clock.Now(), got, step.limited)
		}
	}
}

func TestHourlyBudgetIsPerInstallation(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{HourlyBudget: 1})
	other := "ari:cloud:bitbucket::app/{0}/" + appKey
	r.seed(bitbucket.State{Installations: []bitbucket.Installation{{AppKey: appKey, ClientKey: other, SharedSecret: secret}}})
	asOther := request{method: "GET", path: "/2.0/addon/linkers", claims: func(c jwt.MapClaims) { c["sub"] = other }}
	r.get("/2.0/addon/linkers")
	r.want(http.StatusOK, asOther)
	r.want(http.StatusTooManyRequests, asOther)
	r.want(http.StatusUnauthorized, request{method: "GET", path: "/2.0/addon/linkers", secret: "x"})
}

func TestLimitByRuleLooksLikeTheBudgets(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{HourlyBudget: 1})
	rule := r.sim.Faults().Add(fault.Path("POST", "/values$"), fault.Once(), bitbucket.RateLimited())
	create := request{method: "POST", path: valuesURL, body: `{"value":"A"}`}
	byRule := r.want(http.StatusTooManyRequests, create)
	r.post(valuesURL, `{"value":"A"}`)
	byBudget := r.want(http.StatusTooManyRequests, create)
	for _, header := range []http.Header{byRule.header, byBudget.header} {
		header.Del("Date")
		header.Del("X-B3-Traceid")
	}
	if diff := cmp.Diff(byBudget, byRule, cmp.AllowUnexported(answer{})); diff != "" {
		t.Error(diff)
	}
	if rule.Fired() != 1 {
		t.Errorf("the rule fired %d times", rule.Fired())
	}
	if got := r.sim.Faults().Count(fault.Path("POST", "/values$")); got != 3 {
		t.Errorf("%d calls, want 3", got)
	}
}
