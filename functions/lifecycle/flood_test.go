package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/simulator/fault"
)

// TestFlood sends forged tokens for ten minutes: after the first look-up, they cause at most one read of
// the secret a minute, and none of anything else.
func TestFlood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	// A cold process has to look up the secret, and may look again.
	w.forget()
	w.send(t, uninstalled(one).signed(w.token(one, "/uninstalled", secretForeign)))
	if diff := cmp.Diff(readAgain, w.calls()); diff != "" {
		t.Errorf("calls for the first forged token (-want +got):\n%s", diff)
	}
	w.clock.advance(time.Minute)
	total := 0
	for minute := range 10 {
		w.forget()
		for range 60 {
			if status, _ := w.send(t, uninstalled(one).signed(w.token(one, "/uninstalled", secretForeign))); status != 401 {
				t.Fatalf("forged token: %d", status)
			}
			w.clock.advance(time.Second)
		}
		reads := w.aws.Faults.Count(fault.Target("GetSecretValue"))
		if all := w.calls(); reads > 1 || len(all) != reads {
			t.Errorf("minute %d: %v, want one read at most", minute, all)
		}
		total += reads
	}
	if total < 8 {
		t.Errorf("%d reads in ten minutes: a secret that another process rotates would not be noticed", total)
	}
}

// TestFloodOfFirstInstalls: strangers can't make the app ask Bitbucket more often
// than its limit says.
func TestFloodOfFirstInstalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	statuses := map[int]int{}
	for range 20 {
		status, _ := w.send(t, installed(stranger, secretForeign))
		statuses[status]++
	}
	if asked := w.bitbucket.Faults().Total(); asked != proofBurst {
		t.Errorf("Bitbucket was asked %d times, want %d", asked, proofBurst)
	}
	if statuses[401] != proofBurst || statuses[503] != 20-proofBurst {
		t.Errorf("answers by status: %v", statuses)
	}
	w.clock.advance(time.Second)
	if status, _ := click(workspaceNew, secretNew)(t, w); status != 204 {
		t.Errorf("a real install a second later: %d", status)
	}
}

// TestRotationElsewhere: a secret that another process rotated is found by the
// one read that a bad signature may cause.
func TestRotationElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	warm := w.start(t, deployment{})
	elsewhere := *w
	elsewhere.handler = warm
	enabled := message{path: "/enabled", body: payload("enabled", one, "").json()}
	if status := elsewhere.direct(t, enabled.signed(w.token(one, "/enabled", secretOne))); status != 204 {
		t.Fatalf("valid request: %d", status)
	}
	if status, _ := click(workspaceOne, secretNew)(t, w); status != 204 {
		t.Fatalf("rotation: %d", status)
	}
	for name, secret := range map[string]string{"new": secretNew, "replaced": secretOne} {
		if status := elsewhere.direct(t, enabled.signed(w.token(one, "/enabled", secret))); status != 204 {
			t.Errorf("signed with the %s secret: %d", name, status)
		}
	}
	if status := elsewhere.direct(t, enabled.signed(w.token(one, "/enabled", previousOne))); status != 401 {
		t.Errorf("signed with the secret before that: %d, want 401", status)
	}
}
