package main

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// crashAfter lets the process die after its nth call to AWS from now on, which
// takes effect, while f makes Bitbucket send something. It tells whether it got
// so far. Then another process takes over.
func (w *world) crashAfter(t *testing.T, n int, f func()) (died bool) {
	t.Helper()
	rule := w.aws.Faults.KillAfter(n, func() { w.dead.Store(true) })
	f()
	died = rule.Fired() > 0
	rule.Remove()
	w.dead.Store(false)
	w.handler = w.start(t, deployment{})
	return died
}

// agrees fails unless the store has the secret that Bitbucket uses.
func (w *world) agrees(t *testing.T, state string) {
	t.Helper()
	truth, known := w.bitbucket.Installation(one)
	if in := w.read(t, one); !known || in.Secret != truth.SharedSecret || in.State != state {
		t.Fatalf("stored %+v, Bitbucket has %q (%s); log:\n%s", in, truth.SharedSecret, truth.Status, w.logs)
	}
}

// TestCrash lets the function die at every point of two events in a row, at the
// second of the first or a second later, and shows that the next event is taken,
// and that the secret in the store is then the one that Bitbucket uses.
func TestCrash(t *testing.T) {
	t.Parallel()
	reinstall := func(t *testing.T, w *world) {
		t.Helper()
		click(workspaceOne, "")(t, w) // a fresh secret each time
	}
	uninstall := func(t *testing.T, w *world) {
		t.Helper()
		_, _ = w.bitbucket.Uninstall(t.Context(), one) // gone, whatever the app says
	}
	for name, test := range map[string]struct {
		events [2]func(*testing.T, *world)
		pause  time.Duration
	}{
		"two reinstalls within a second":               {events: [2]func(*testing.T, *world){reinstall, reinstall}},
		"reinstall and uninstall within a second":      {events: [2]func(*testing.T, *world){reinstall, uninstall}},
		"uninstall and reinstall, a second in between": {events: [2]func(*testing.T, *world){uninstall, reinstall}, pause: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			points := 0
			for first := 1; crash(t, test.events, test.pause, first, &points); first++ {
			}
			if points < 20 {
				t.Errorf("only %d crash points were met", points)
			}
		})
	}
}

// crash plays the events with a death after the first event's nth call, and one
// after each call of the second. It returns false when the first event makes
// fewer calls.
func crash(t *testing.T, events [2]func(*testing.T, *world), pause time.Duration, first int, points *int) bool {
	t.Helper()
	for second := 1; ; second++ {
		w := newWorld(t, deployment{})
		if !w.crashAfter(t, first, func() { events[0](t, w) }) {
			return false
		}
		w.clock.advance(pause)
		died := w.crashAfter(t, second, func() { events[1](t, w) })
		w.clock.advance(pause)
		if status, _ := click(workspaceOne, "")(t, w); status != 204 {
			t.Fatalf("next install after deaths at calls %d and %d: %d; log:\n%s", first, second, status, w.logs)
		}
		w.agrees(t, "installed")
		w.clock.advance(time.Second)
		if delivery, _ := w.bitbucket.Uninstall(t.Context(), one); delivery.Status != 204 {
			t.Fatalf("uninstall after deaths at calls %d and %d: %d", first, second, delivery.Status)
		}
		w.agrees(t, "uninstalled")
		*points++
		if !died {
			return true
		}
	}
}

// TestLostAnswers: however often Bitbucket doesn't hear that an install was taken,
// the one that it hears of counts.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, time.Second} {
		w := newWorld(t, deployment{})
		w.handler.authorizer.prover.unsigned = rate.NewLimiter(rate.Inf, 1) // more than a person can click
		for range 4 {
			w.dead.Store(true)
			if status, _ := click(workspaceOne, "")(t, w); status != 500 {
				t.Fatalf("the lost answer was %d", status)
			}
			w.dead.Store(false)
			w.clock.advance(pause)
		}
		if status, _ := click(workspaceOne, "")(t, w); status != 204 {
			t.Fatalf("install after lost answers, %s between them: %d; log:\n%s", pause, status, w.logs)
		}
		w.agrees(t, "installed")
	}
}

// TestCrashOfFirstInstall: an unsigned install is either not stored, and the next
// one counts, or stored, and then only the very same may be repeated. Nothing
// unsigned replaces a secret, even where the answer to its install got lost.
func TestCrashOfFirstInstall(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w := newWorld(t, deployment{})
		if !w.crashAfter(t, n, func() { click(workspaceNew, secretNew)(t, w) }) {
			if n < 3 {
				t.Errorf("a first install makes only %d calls", n-1)
			}
			return
		}
		in := w.read(t, stranger)
		if in.Missing {
			if status, _ := click(workspaceNew, secretForeign)(t, w); status != 204 || w.read(t, stranger).Secret != secretForeign {
				t.Errorf("died at call %d, nothing stored: next install answered %d, stored %+v", n, status, w.read(t, stranger))
			}
			continue
		}
		if status, _ := click(workspaceNew, secretForeign)(t, w); status != 401 {
			t.Errorf("died at call %d, stored: another unsigned install answered %d, want 401", n, status)
		}
		bitbucketAccepts(secretNew)(t, w) // as it does while it delivers the install
		if status, _ := w.send(t, installed(stranger, secretNew)); status != 204 {
			t.Errorf("died at call %d, stored: redelivery answered %d, want 204", n, status)
		}
		if after := w.read(t, stranger); after != in || in.Secret != secretNew {
			t.Errorf("died at call %d: stored %+v, then %+v", n, in, after)
		}
	}
}

// TestLostAnswerToAFirstInstall goes the way out that SECURITY.md describes: what
// Bitbucket doesn't know is deleted by hand, and the next install is a first one.
func TestLostAnswerToAFirstInstall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	w.put(t, stranger, stored{State: "installed", Secret: secretNew})
	refused := func(when string) {
		t.Helper()
		if status, _ := click(workspaceNew, secretForeign)(t, w); status != 401 {
			t.Fatalf("%s: answered %d, want 401", when, status)
		}
	}
	refused("known")
	for _, hint := range []string{workspaceNew, "When an install is refused for good", "SECURITY.md"} {
		if !strings.Contains(w.logs.String(), hint) {
			t.Errorf("the log doesn't say %q:\n%s", hint, w.logs)
		}
	}
	w.remove(t, stranger, 0)
	refused("still remembered")
	w.clock.advance(5 * time.Minute)
	if status, _ := click(workspaceNew, secretForeign)(t, w); status != 204 || w.read(t, stranger).Secret != secretForeign {
		t.Errorf("after the deletion: answered %d, stored %+v", status, w.read(t, stranger))
	}
}
