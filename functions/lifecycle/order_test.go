package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// again plays a message, and counts only its second delivery.
func again(build func(w *world) message) (given func(*testing.T, *world), second func(*world) message) {
	var first message
	given = func(t *testing.T, w *world) {
		t.Helper()
		first = build(w)
		if status, answer := w.send(t, first); status != 204 {
			t.Fatalf("first delivery: %d %q", status, answer)
		}
	}
	return given, func(*world) message { return first }
}

func TestRedelivery(t *testing.T) {
	t.Parallel()
	// What a redelivery costs: the look that finds the event applied, and the tags.
	looked := []string{"GetSecretValue", "DescribeSecret"}
	var situations []situation
	twice := func(name string, status int, calls []string, build func(w *world) message, change func(message) message) {
		given, second := again(build)
		situations = append(situations, situation{
			name: name, given: given, status: status, calls: calls,
			message: func(w *world) message { return change(second(w)) },
		})
	}
	same := func(m message) message { return m }
	install := func(w *world) message {
		return installed(one, secretNew).signed(w.token(one, "/installed", secretOne))
	}
	uninstall := func(w *world) message {
		return uninstalled(one).signed(w.token(one, "/uninstalled", secretOne))
	}
	// Whoever catches a live token sends another secret with it.
	hijack := func(m message) message { m.body = payload("installed", one, secretForeign).json(); return m }
	twice("L24 signed install", 204, append(slices.Clone(looked), "SendMessage"), install, same)
	twice("L24 signed uninstall", 204, looked, uninstall, same)
	twice("L24 caught token with another secret", 401, []string{"POST /site/oauth2/access_token"}, install, hijack)
	twice("L24 caught token of an uninstall on the route of installs", 401, nil, uninstall, func(m message) message {
		m.path, m.body = "/installed", payload("installed", one, secretForeign).json()
		return m
	})
	play(t, append(situations, situation{
		name: "L24 unsigned first install", given: func(t *testing.T, w *world) {
			if status, answer := click(workspaceNew, secretNew)(t, w); status != 204 {
				t.Fatalf("first delivery: %d %q", status, answer)
			}
		},
		message: func(*world) message { return installed(stranger, secretNew) }, status: 204, calls: []string{"SendMessage"},
	}))
}

// TestCaughtToken is about a registered app, whose one secret never changes: what
// a token did once, it can't do again with another body.
func TestCaughtToken(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"JWT ", "jwt "} {
		w := newWorld(t, deployment{registered: true})
		token := w.token(stranger, "/installed", appSecret)
		if status, _ := w.send(t, installed(stranger, appSecret).signed(token)); status != 204 {
			t.Fatalf("install: %d; log:\n%s", status, w.logs)
		}
		caught := installed(stranger, secretForeign)
		caught.authorization = scheme + token
		status, _ := w.send(t, caught)
		if in := w.read(t, stranger); in.Secret != appSecret {
			t.Errorf("L24 %stoken caught: answered %d, stored %+v", scheme, status, in)
		}
	}
}

// TestUninstallsOfOneSecond: a registered app's events of one second carry the same
// token, so the second of two uninstalls looks like the first one again. Bitbucket,
// which takes the secret of an installed app only, tells them apart.
func TestUninstallsOfOneSecond(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		truth bitbucket.Status
		want  string
	}{
		{"uninstalled again", bitbucket.Uninstalled, string(bitbucket.Uninstalled)},
		{"the first one delivered again", bitbucket.Installed, string(bitbucket.Installed)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deployment{registered: true})
			if err := w.bitbucket.Seed(bitbucket.State{Installations: []bitbucket.Installation{{
				AppKey: appKey, ClientKey: one, SharedSecret: appSecret, Status: test.truth, BaseURL: w.url,
				Principal: bitbucket.Principal{UUID: workspaceOne, Type: "team"},
			}}}); err != nil {
				t.Fatal(err)
			}
			off := uninstalled(one).signed(w.token(one, "/uninstalled", appSecret))
			on := installed(one, appSecret).signed(w.token(one, "/installed", appSecret))
			for _, message := range []message{off, on, off} {
				if status, answer := w.send(t, message); status != 204 {
					t.Fatalf("%d %q; log:\n%s", status, answer, w.logs)
				}
			}
			if state := w.read(t, one).State; state != test.want {
				t.Errorf("the store says %s, want %s", state, test.want)
			}
		})
	}
}

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
		"installed twice":  {[]event{timed(path, 1, installed(one, appSecret)), timed(un, 2, uninstalled(one)), timed(path, 3, installed(one, appSecret)), timed(path, 4, installed(one, appSecret))}, "installed"},
	}
	for name, sequence := range sequences {
		for _, order := range permutations(len(sequence.events)) {
			t.Run(fmt.Sprintf("L23 %s %v", name, order), func(t *testing.T) {
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
		t.Run("L23 "+name+" at once", func(t *testing.T) {
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

// TestPreviousSecret is about events that are signed with a secret that was just
// replaced: Bitbucket knows what they mean.
func TestPreviousSecret(t *testing.T) {
	t.Parallel()
	// bitbucketHas makes a secret of one the only one that Bitbucket accepts.
	bitbucketHas := func(secret string, status bitbucket.Status) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			err := w.bitbucket.Seed(bitbucket.State{Installations: []bitbucket.Installation{{
				AppKey: appKey, ClientKey: one, SharedSecret: secret, Status: status, BaseURL: w.url,
				Principal: bitbucket.Principal{UUID: workspaceOne, DisplayName: "example-workspace", Username: "example"},
			}}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	const ask = "POST /site/oauth2/access_token"
	install := func(w *world) message {
		return installed(one, secretNew).signed(w.token(one, "/installed", previousOne))
	}
	uninstall := func(w *world) message {
		return uninstalled(one).signed(w.token(one, "/uninstalled", previousOne))
	}
	play(t, []situation{
		{
			name:    "L23 late uninstall after a rotation that Bitbucket made",
			message: uninstall, status: 204, calls: []string{"GetSecretValue", ask},
		},
		{
			name: "L23 uninstall after a rotation that Bitbucket never heard was taken", given: bitbucketHas(previousOne, bitbucket.Installed),
			message: uninstall, status: 204,
			stored: map[string]stored{one: {State: "uninstalled", Secret: previousOne, Previous: secretOne, Name: "example-workspace"}},
			calls:  append(slices.Clone(written), ask),
		},
		{
			name: "L23 uninstall while Bitbucket can't be asked", fault: bitbucketFails(fault.Respond(429, nil, "")),
			message: uninstall, status: 503, calls: []string{"GetSecretValue", ask},
		},
		{
			name: "L23 install that offers what Bitbucket accepts, instead of the current secret", given: bitbucketHas(secretNew, bitbucket.Installed),
			message: install, status: 204,
			// The secret that Bitbucket still used is kept, not the one it never took.
			stored: map[string]stored{one: {State: "installed", Secret: secretNew, Previous: previousOne, Name: "example-workspace"}},
			calls:  slices.Concat(written, written[1:5], []string{"SendMessage", ask, ask}),
		},
		{
			name: "L23 install that offers what Bitbucket accepts, beside the current secret", fault: bitbucketFails(fault.Respond(200, nil, `{"access_token":"not-a-real-token"}`)),
			message: install, status: 204,
			stored: map[string]stored{one: {State: "installed", Secret: secretNew, Previous: secretOne, Name: "example-workspace"}},
			calls:  append(slices.Clone(rotated), ask, ask),
		},
		{
			name:    "L23 install that offers what Bitbucket refuses",
			message: install, status: 401, calls: []string{"GetSecretValue", ask},
		},
		{
			name: "L23 install while Bitbucket can't be asked", fault: bitbucketFails(fault.Respond(429, nil, "")),
			message: install, status: 503, calls: []string{"GetSecretValue", ask},
		},
		{
			name: "L23 late uninstall of a tombstone", given: func(t *testing.T, w *world) {
				w.put(t, stranger, stored{State: "uninstalled", Secret: secretNew, Previous: secretOne})
			},
			message: func(w *world) message {
				return uninstalled(stranger).signed(w.token(stranger, "/uninstalled", secretOne))
			}, status: 204, calls: readOnly,
		},
		{
			name: "L24 install that repeats the current secret",
			message: func(w *world) message {
				return installed(one, secretOne).signed(w.token(one, "/installed", previousOne))
			}, status: 204,
			stored: map[string]stored{one: {State: "installed", Secret: secretOne, Previous: previousOne, Name: "example-workspace"}},
			calls:  rotated,
		},
	})
}

// TestClockBehind is about tokens that are older, by Bitbucket's clock, than the
// last event: by which secret they are signed tells whether that can be so.
func TestClockBehind(t *testing.T) {
	t.Parallel()
	newer := func(secret string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			w.put(t, stranger, stored{State: "installed", Secret: secret, EventAt: w.clock.Now().Add(5 * time.Second)})
		}
	}
	const perInstallation = "not-a-real-secret-of-the-installation"
	play(t, []situation{
		{
			name: "L23 a rotation signed with the current secret is the next one", given: newer(perInstallation),
			message: func(w *world) message {
				return installed(stranger, secretNew).signed(w.token(stranger, "/installed", perInstallation))
			}, status: 204,
			stored: map[string]stored{stranger: {State: "installed", Secret: secretNew, Previous: perInstallation, Name: "example-workspace"}},
			calls:  rotated,
		},
		{
			name: "L23 a rotation signed by the app may have been overtaken", given: newer(perInstallation), deployment: deployment{registered: true},
			message: func(w *world) message {
				return installed(stranger, secretNew).signed(w.token(stranger, "/installed", appSecret))
			}, status: 204,
			calls: []string{"GetSecretValue", "GetSecretValue", "SendMessage"}, // the app's secret and the installation
		},
		{
			name: "L23 an uninstall was overtaken", given: newer(perInstallation),
			message: func(w *world) message {
				return uninstalled(stranger).signed(w.token(stranger, "/uninstalled", perInstallation))
			}, status: 204, calls: readOnly,
		},
	})
}

// TestEventTime: the time of the last event never goes back, or a third event
// would be ordered by the wrong one.
func TestEventTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{})
	latest := w.clock.Now().Add(5 * time.Second)
	w.put(t, stranger, stored{State: "installed", Secret: secretOne, EventAt: latest})
	if status, _ := w.send(t, installed(stranger, secretNew).signed(w.token(stranger, "/installed", secretOne))); status != 204 {
		t.Fatalf("install: %d", status)
	}
	if in := w.read(t, stranger); in.Secret != secretNew || !in.EventAt.Equal(latest) {
		t.Errorf("stored %+v, want the time %s", in, latest)
	}
	w.clock.advance(time.Minute)
	if status, _ := w.send(t, uninstalled(stranger).signed(w.token(stranger, "/uninstalled", secretNew))); status != 204 {
		t.Fatalf("uninstall: %d", status)
	}
	if in := w.read(t, stranger); !in.EventAt.Equal(w.clock.Now()) {
		t.Errorf("stored %+v, want the time %s", in, w.clock.Now())
	}
}

// TestEventTimeOfFirstInstall: what comes late after a first install is late too.
func TestEventTimeOfFirstInstall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deployment{registered: true})
	if status, _ := w.send(t, installed(stranger, appSecret).signed(w.token(stranger, "/installed", appSecret))); status != 204 {
		t.Fatalf("install: %d", status)
	}
	late := sign(hs256, w.claims(stranger, "/uninstalled").at(-time.Second), appSecret)
	if status, _ := w.send(t, uninstalled(stranger).signed(late)); status != 204 || w.read(t, stranger).State != "installed" {
		t.Errorf("late uninstall: %d, stored %+v", status, w.read(t, stranger))
	}
}

// TestParallelReinstalls has two installs race that are signed with the same
// secret. Whichever wins, what stays is what Bitbucket accepts.
func TestParallelReinstalls(t *testing.T) {
	t.Parallel()
	const other = "not-a-real-other-secret"
	for range 10 {
		w := newWorld(t, deployment{})
		if err := w.bitbucket.Seed(bitbucket.State{Installations: []bitbucket.Installation{{
			AppKey: appKey, ClientKey: one, SharedSecret: secretNew, Status: bitbucket.Installed, BaseURL: w.url,
			Principal: bitbucket.Principal{UUID: workspaceOne},
		}}}); err != nil {
			t.Fatal(err)
		}
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
			t.Errorf("L23 stored %+v (-want +got):\n%s\n%s", in, diff, w.logs)
		}
	}
}
