package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
)

// event is one of a sequence, in the order in which Bitbucket made them.
type event struct {
	name    string
	seconds int
	build   func(w *world) message
}

// TestOutOfOrder delivers a registered app's events in every order, one after the
// other and all at once: the newest decides. Its secret never changes, so that
// only the tokens' times can tell.
func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	const path, un = "/installed", "/uninstalled"
	timed := func(path string, seconds int, m message) event {
		return event{path, seconds, func(w *world) message {
			claims := w.claims(one, path).at(time.Duration(seconds) * time.Second)
			return m.signed(sign(hs256, claims, appSecret))
		}}
	}
	sequences := map[string]struct {
		events []event
		want   string
	}{
		"ends uninstalled": {[]event{timed(un, 1, uninstalled(one)), timed(path, 2, installed(one, appSecret)), timed(un, 3, uninstalled(one))}, "uninstalled"},
		"ends installed":   {[]event{timed(path, 1, installed(one, appSecret)), timed(un, 2, uninstalled(one)), timed(path, 3, installed(one, appSecret))}, "installed"},
	}
	for name, sequence := range sequences {
		for _, order := range permutations(len(sequence.events)) {
			t.Run(fmt.Sprintf("%s %v", name, order), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, deployment{registered: true})
				for _, i := range order {
					if status, _ := w.send(t, sequence.events[i].build(w)); status != 204 {
						t.Fatalf("%s of second %d: %d; log:\n%s", sequence.events[i].name, sequence.events[i].seconds, status, w.logs)
					}
				}
				if in := w.read(t, one); in.State != sequence.want || in.Secret != appSecret {
					t.Errorf("stored %+v, want %s", in, sequence.want)
				}
			})
		}
		t.Run(name+" at once", func(t *testing.T) {
			t.Parallel()
			for range 5 {
				w := newWorld(t, deployment{registered: true})
				w.deliverAtOnce(t, deployment{registered: true}, sequence.events)
				if in := w.read(t, one); in.State != sequence.want || in.Secret != appSecret {
					t.Errorf("stored %+v, want %s; log:\n%s", in, sequence.want, w.logs)
				}
			}
		})
	}
}

// deliverAtOnce delivers events in parallel, each to a process of its own, and
// again those that were told to come again, as Bitbucket may or may not do.
func (w *world) deliverAtOnce(t testing.TB, d deployment, events []event) {
	t.Helper()
	var group sync.WaitGroup
	for _, e := range events {
		group.Go(func() {
			process := *w
			process.handler = w.start(t, d)
			for range 5 {
				if status := process.direct(t, e.build(w)); status != 503 {
					return
				}
			}
			t.Errorf("%s of second %d was never taken", e.name, e.seconds)
		})
	}
	group.Wait()
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), i, n-1))
		}
	}
	return all
}

// TestParallelReinstalls has two installs race that are signed with the same
// secret. Whichever wins, what stays is what Bitbucket accepts.
func TestParallelReinstalls(t *testing.T) {
	t.Parallel()
	const other = "not-a-real-other-secret"
	for range 10 {
		w := newWorld(t, deployment{})
		w.bitbucketHas(t, one, secretNew, bitbucket.Installed)
		// Tokens of the same second differ in the real world by chance only.
		w.deliverAtOnce(t, deployment{}, []event{
			{"install that counts", 0, func(w *world) message {
				return installed(one, secretNew).signed(sign(hs256, w.claims(one, "/installed").with("n", 1), secretOne))
			}},
			{"install that was given up", 0, func(w *world) message {
				return installed(one, other).signed(sign(hs256, w.claims(one, "/installed").with("n", 2), secretOne))
			}},
		})
		in := w.read(t, one)
		if diff := cmp.Diff(secretNew, in.Secret); diff != "" || in.State != "installed" {
			t.Errorf("stored %+v (-want +got):\n%s\n%s", in, diff, w.logs)
		}
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
