package main

import (
	"slices"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
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
	install := by(secretOne, installed(one, secretNew))
	uninstall := by(secretOne, uninstalled(one))
	// A thief of a live token sends another secret with it.
	hijack := func(m message) message { m.body = payload("installed", one, secretForeign).json(); return m }
	twice("signed install", 204, append(slices.Clone(looked), "SendMessageBatch"), install, same)
	twice("signed uninstall", 204, looked, uninstall, same)
	twice("caught token with another secret", 401, []string{"POST /site/oauth2/access_token"}, install, hijack)
	twice("caught token of an uninstall on the route of installs", 401, nil, uninstall, func(m message) message {
		m.path, m.body = "/installed", payload("installed", one, secretForeign).json()
		return m
	})
	play(t, append(situations, situation{
		name: "unsigned first install", given: func(t *testing.T, w *world) {
			if status, answer := click(workspaceNew, secretNew)(t, w); status != 204 {
				t.Fatalf("first delivery: %d %q", status, answer)
			}
		},
		message: plain(installed(stranger, secretNew)), status: 204, calls: []string{"SendMessageBatch", "POST /site/oauth2/access_token"},
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
			t.Errorf("%stoken caught: answered %d, stored %+v", scheme, status, in)
		}
	}
}

// TestUninstallsOfOneSecond: a registered app's events of one second carry the same
// token, so the second of two uninstalls looks like the first one again. Bitbucket,
// which takes the secret of an installed app only, tells which of the two it is.
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
			w.bitbucketHas(t, one, appSecret, test.truth)
			off := w.signed(uninstalled(one), appSecret)
			on := w.signed(installed(one, appSecret), appSecret)
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
