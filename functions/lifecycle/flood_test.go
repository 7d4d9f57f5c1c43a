package main

import (
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// TestFlood sends forged tokens for five minutes, in the name of an installation, of
// a tombstone and of a stranger: each name costs at most one read of its secret a
// minute, the first minute included, and nothing else.
func TestFlood(t *testing.T) {
	t.Parallel()
	names := []string{one, gone, stranger}
	for name, warm := range map[string]bool{"cold": false, "warm": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deployment{})
			if warm {
				if status, _ := w.send(t, w.signed(enabled(one), secretOne)); status != 204 {
					t.Fatalf("valid request: %d", status)
				}
			}
			total := 0
			for minute := range 5 {
				w.forget()
				for range 10 {
					for _, clientKey := range names {
						if status, _ := w.send(t, w.signed(uninstalled(clientKey), secretForeign)); status != 401 {
							t.Fatalf("forged token: %d", status)
						}
					}
					w.clock.advance(6 * time.Second)
				}
				reads := w.aws.Faults.Count(fault.Target("GetSecretValue"))
				if all := w.calls(); reads > len(names) || len(all) != reads {
					t.Errorf("minute %d: %v, want one read a name at most", minute, all)
				}
				total += reads
			}
			if total < 4*len(names) {
				t.Errorf("%d reads in five minutes: a secret that another process rotates would not be noticed", total)
			}
		})
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
	if status := elsewhere.direct(t, w.signed(enabled(one), secretOne)); status != 204 {
		t.Fatalf("valid request: %d", status)
	}
	if status, _ := click(workspaceOne, secretNew)(t, w); status != 204 {
		t.Fatalf("rotation: %d", status)
	}
	for name, secret := range map[string]string{"new": secretNew, "replaced": secretOne} {
		if status := elsewhere.direct(t, w.signed(enabled(one), secret)); status != 204 {
			t.Errorf("signed with the %s secret: %d", name, status)
		}
	}
	if status := elsewhere.direct(t, w.signed(enabled(one), previousOne)); status != 401 {
		t.Errorf("signed with the secret before that: %d, want 401", status)
	}
}
