package infisical_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/infisical"
)

func badRequestOf(r *rig, token, apiToken, message string) {
	r.t.Helper()
	r.want(400, "BadRequest", "Failed to validate credentials: "+message, request{
		method: "POST", path: connectionsURL, token: token,
		body: creation(map[string]any{"credentials": map[string]any{"email": email, "apiToken": apiToken}}),
	})
}

func TestBadCredentialsAreNotRetried(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	badRequestOf(r, token, "bad", "Request failed with status code 401")
	badRequestOf(r, token, "narrow", "Request failed with status code 403")
	if calls := r.bitbucket.Faults().Total(); calls != 2 {
		t.Errorf("%d calls to Bitbucket, want 2", calls)
	}
}

// An outage, a limit and bad credentials are all a 400: only the text differs.
func TestBitbucketOutageIsRetriedThreeTimes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect  fault.Effect
		message string
	}{
		"unavailable": {fault.Respond(503, nil, ""), "Request failed with status code 503"},
		"limited":     {fault.Respond(429, nil, ""), "Request failed with status code 429"},
		"reset":       {fault.Reset(), "read ECONNRESET"},
		"cut":         {fault.CutBody(), "aborted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			token := r.login("robot")
			r.bitbucket.Faults().Add(fault.Any(), fault.Always(), test.effect)
			badRequestOf(r, token, "good", test.message)
			if calls := r.bitbucket.Faults().Total(); calls != 4 {
				t.Errorf("%d calls to Bitbucket, want 4", calls)
			}
			want := []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond}
			if diff := cmp.Diff(want, r.slept); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestShortOutageGoesUnnoticed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.bitbucket.Faults().Add(fault.Any(), fault.First(3), fault.Pick(fault.Respond(500, nil, ""), fault.Reset()))
	r.create(token, nil)
}

func TestRetriesWaitOnARealTimerUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sim := infisical.New(infisical.Options{Now: r.clock.Now, BitbucketURL: r.bitbucket.URL()})
	url, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	if err := sim.Seed(world()); err != nil {
		t.Fatal(err)
	}
	r.sim, r.url = sim, url
	r.bitbucket.Faults().Add(fault.Any(), fault.Once(), fault.Respond(500, nil, ""))
	r.create(r.login("robot"), nil)
	if calls := r.bitbucket.Faults().Total(); calls != 2 {
		t.Errorf("%d calls to Bitbucket, want 2", calls)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.bitbucket.Faults().Add(fault.Any(), fault.Always(), fault.Respond(302, http.Header{"Location": {"/elsewhere"}}, ""))
	badRequestOf(r, token, "good", "Request failed with status code 302")
	if calls := r.bitbucket.Faults().Total(); calls != 1 {
		t.Errorf("%d calls to Bitbucket, want 1", calls)
	}
}

func TestNoBitbucketAtAll(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	// Not the port of a server that was closed: a test beside this one may get it next.
	sim := infisical.New(infisical.Options{Now: r.clock.Now, BitbucketURL: "http://127.0.0.1:1", Sleep: r.sleep})
	url, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	if err := sim.Seed(world()); err != nil {
		t.Fatal(err)
	}
	r.sim, r.url = sim, url
	badRequestOf(r, r.login("robot"), "good", "connect ECONNREFUSED")
}
