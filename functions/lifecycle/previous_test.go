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
	bitbucketHas := func(secret string, status bitbucket.Status) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			w.bitbucketHas(t, one, secret, status)
		}
	}
	const ask = "POST /site/oauth2/access_token"
	install := by(previousOne, installed(one, secretNew))
	uninstall := by(previousOne, uninstalled(one))
	play(t, []situation{
		{name: "late uninstall after a rotation that Bitbucket made", message: uninstall, status: 204, calls: []string{"GetSecretValue", ask}},
		{
			name: "uninstall after a rotation that Bitbucket never heard was taken", given: bitbucketHas(previousOne, bitbucket.Installed),
			message: uninstall, status: 204,
			stored: map[string]stored{one: {State: "uninstalled", Secret: previousOne, Previous: secretOne, Name: "example-workspace"}},
			calls:  append(slices.Clone(written), ask),
		},
		{
			name: "uninstall while Bitbucket can't be asked", fault: bitbucketFails(fault.Respond(429, nil, "")),
			message: uninstall, status: 503, calls: []string{"GetSecretValue", ask},
		},
		{
			name: "install that offers what Bitbucket accepts, instead of the current secret", given: bitbucketHas(secretNew, bitbucket.Installed),
			message: install, status: 204,
			// The secret that Bitbucket still used is kept, not the one it never took.
			stored: map[string]stored{one: {State: "installed", Secret: secretNew, Previous: previousOne, Name: "example-workspace"}},
			calls:  slices.Concat(written, written[1:5], []string{"SendMessageBatch", ask, ask}),
		},
		{
			name: "install that offers what Bitbucket accepts, beside the current secret", fault: bitbucketFails(fault.Respond(200, nil, `{"access_token":"not-a-real-token"}`)),
			message: install, status: 204,
			stored: map[string]stored{one: {State: "installed", Secret: secretNew, Previous: secretOne, Name: "example-workspace"}},
			calls:  append(slices.Clone(rotated), ask, ask),
		},
		{name: "install that offers what Bitbucket refuses", message: install, status: 401, calls: []string{"GetSecretValue", ask}},
		{
			name: "install while Bitbucket can't be asked", fault: bitbucketFails(fault.Respond(429, nil, "")),
			message: install, status: 503, calls: []string{"GetSecretValue", ask},
		},
		{
			name: "late uninstall of a tombstone", given: func(t *testing.T, w *world) {
				w.put(t, stranger, stored{State: "uninstalled", Secret: secretNew, Previous: secretOne})
			},
			message: by(secretOne, uninstalled(stranger)), status: 204, calls: readOnly,
		},
		{
			name:    "install that repeats the current secret",
			message: by(previousOne, installed(one, secretOne)), status: 204,
			stored: map[string]stored{one: {State: "installed", Secret: secretOne, Previous: previousOne, Name: "example-workspace"}},
			calls:  rotated,
		},
	})
}
