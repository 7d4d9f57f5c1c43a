package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// situation is one row of what a Connect receiver must withstand. Its number is
// that of the project's list of holes seen in public receivers.
type situation struct {
	name string
	deployment
	// given prepares the world further; what it calls isn't counted.
	given func(t *testing.T, w *world)
	// fault makes AWS or Bitbucket misbehave.
	fault func(w *world)
	// message makes the request, unless send does it all.
	message func(w *world) message
	send    func(t *testing.T, w *world) (status int, answer string)
	status  int
	// stored are the installations that differ afterwards; all others must not.
	stored map[string]stored
	calls  []string
}

// What each status says to the outside, in full.
var constantTexts = map[int]string{
	204: "",
	400: "the payload is not a lifecycle event of this app\n",
	401: "request is not authenticated\n",
	403: "this deployment does not serve the workspace\n",
	404: "not found\n",
	405: "method not allowed\n",
	413: "the body is too large\n",
	415: "send application/json without an encoding\n",
	429: "too many requests, try again later\n",
	503: "temporarily unavailable, try again\n",
}

func play(t *testing.T, situations []situation) {
	t.Helper()
	for _, s := range situations {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, s.deployment)
			if s.given != nil {
				s.given(t, w)
			}
			want := w.snapshot(t)
			for clientKey, in := range s.stored {
				want[clientKey] = in
			}
			if s.fault != nil {
				s.fault(w)
			}
			w.forget()
			send := s.send
			if send == nil {
				send = func(t *testing.T, w *world) (int, string) { return w.send(t, s.message(w)) }
			}
			status, answer := send(t, w)
			calls := w.calls()
			w.aws.Faults.Clear()
			if status != s.status {
				t.Errorf("status = %d, want %d; log:\n%s", status, s.status, w.logs)
			}
			if diff := cmp.Diff(constantTexts[s.status], answer); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(s.calls, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, w.snapshot(t), ignoreEventAt()); diff != "" {
				t.Errorf("store (-want +got):\n%s", diff)
			}
		})
	}
}

// The calls that the paths through the handler make.
var (
	readOnly = []string{"GetSecretValue"}
	// Current state, the new version, the swap, the tags.
	written = []string{"GetSecretValue", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage", "DescribeSecret", "TagResource", "GetSecretValue"}
	rotated = append(append([]string(nil), written...), "SendMessageBatch")
	revived = []string{"GetSecretValue", "GetSecretValue", "TagResource", "PutSecretValue", "UpdateSecretVersionStage", "DescribeSecret", "SendMessageBatch"}
	proven  = []string{"GetSecretValue", "CreateSecret", "SendMessageBatch", "POST /site/oauth2/access_token"}
	// Bitbucket refuses the secret, or the installation is found to be known.
	asked = []string{"POST /site/oauth2/access_token"}
	found = []string{"GetSecretValue", "POST /site/oauth2/access_token"}
)

// ignoreEventAt leaves out the time of the last event, which tests of the order
// look at by its effect.
func ignoreEventAt() cmp.Option { return cmpopts.IgnoreFields(stored{}, "EventAt") }
