package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// TestFaultsOfAWS lets every single call of every event fail: refused, broken, and
// done but never answered. Bitbucket is told to try again, what is in force
// verifies at once, though a flood has spent the read, and the same event again
// is taken, all in the same process.
func TestFaultsOfAWS(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]struct {
		clientKey string
		given     func(*testing.T, *world)
		message   func(*world) message
		want      stored
	}{
		"first install": {
			clientKey: stranger, given: bitbucketAccepts(secretNew),
			message: plain(installed(stranger, secretNew)),
			want:    stored{State: "installed", Secret: secretNew, Name: "example-workspace"},
		},
		"rotation": {
			clientKey: one, message: by(secretOne, installed(one, secretNew)),
			want: stored{State: "installed", Secret: secretNew, Previous: secretOne, Name: "example-workspace"},
		},
		"return": {
			clientKey: gone, message: by(secretGone, installed(gone, secretNew)),
			want: stored{State: "installed", Secret: secretNew, Previous: secretGone, Name: "example-workspace"},
		},
		"uninstall": {
			clientKey: one, message: by(secretOne, uninstalled(one)),
			want: stored{State: "uninstalled", Secret: secretOne, Previous: previousOne, Name: "example-workspace"},
		},
	} {
		for how, effect := range map[string]fault.Effect{
			"throttled": fault.Throttle(), "broken": fault.AWSError(500, "InternalServiceError", "no"), "done, not answered": fault.ResetAfter(),
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				for nth := 1; ; nth++ {
					w := newWorld(t, deployment{})
					if event.given != nil {
						event.given(t, w)
					}
					w.flood(t, event.clientKey)
					rule := w.aws.Faults.Add(fault.Any(), fault.Nth(nth), effect)
					status, answer := w.send(t, event.message(w))
					if rule.Fired() == 0 {
						if nth < 3 {
							t.Errorf("the event makes only %d calls", nth-1)
						}
						return
					}
					queued := w.aws.Faults.Count(fault.Target("SendMessageBatch")) > 0
					if want := map[bool]int{false: 503, true: 204}[queued]; status != want || answer != constantTexts[want] {
						t.Errorf("call %d: answered %d, want %d; log:\n%s", nth, status, want, w.logs)
					}
					w.knows(t, event.clientKey)
					if status, _ := w.send(t, event.message(w)); status != 204 {
						t.Errorf("call %d: the same event again: %d, want 204; log:\n%s", nth, status, w.logs)
					}
					if diff := cmp.Diff(event.want, w.read(t, event.clientKey), ignoreEventAt()); diff != "" {
						t.Errorf("call %d: stored (-want +got):\n%s", nth, diff)
					}
				}
			})
		}
	}
}

// flood spends the one read a minute that forged tokens may cause.
func (w *world) flood(t *testing.T, clientKey string) {
	t.Helper()
	for range 2 {
		if status, _ := w.send(t, w.signed(enabled(clientKey), secretForeign)); status != 401 {
			t.Fatalf("forged: %d", status)
		}
	}
}

// knows sends what Bitbucket would if it went by the secret in force.
func (w *world) knows(t *testing.T, clientKey string) {
	t.Helper()
	in := w.read(t, clientKey)
	if in.Missing {
		return
	}
	if status, _ := w.send(t, w.signed(enabled(clientKey), in.Secret)); status != 204 {
		t.Errorf("signed with the secret in force: %d, want 204", status)
	}
}
