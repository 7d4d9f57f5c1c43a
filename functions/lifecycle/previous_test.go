package main

import (
	"slices"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

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
			calls:  slices.Concat(written, written[1:5], []string{"SendMessageBatch", ask, ask}),
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
