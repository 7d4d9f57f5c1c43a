package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/transport"
)

// deliver handles the rotation event and returns the writes of credentials to
// Infisical.
func (w *world) deliver(h *handler) (writes int, err error) {
	w.t.Helper()
	w.calls("")
	_, err = h.Handle(w.t.Context(), event(w.t, "rotated"))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, sent := range w.requests {
		if sent.to == "infisical" && strings.Contains(sent.body, `"credentials"`) {
			writes++
		}
	}
	return writes, err
}

// rotatedWorld is one with a connection that has the old token, and whose secret
// has the new one.
func rotatedWorld(t *testing.T) (*world, *handler, *output) {
	t.Helper()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	h, out := w.start()
	if writes, err := w.deliver(h); err != nil || writes != 1 {
		t.Fatalf("%d writes, %v", writes, err)
	}
	w.rotate("bitbucket/ci", value(map[string]string{"token": newToken}))
	return w, h, out
}

// TestAnOlderEventAfterANewerOne writes nothing: EventBridge delivers at least once
// and in no order, so what counts is the version that is current.
func TestAnOlderEventAfterANewerOne(t *testing.T) {
	t.Parallel()
	w, h, _ := rotatedWorld(t)
	for i, want := range []int{1, 0, 0} {
		if writes, err := w.deliver(h); err != nil || writes != want {
			t.Errorf("delivery %d: %d writes, %v; want %d", i+1, writes, err, want)
		}
	}
	if got := w.stored("ci"); got != newToken {
		t.Errorf("Infisical has the token %q", got)
	}
}

// TestTheLabelMovedBack is a rotation like any other, as long as the older token works.
func TestTheLabelMovedBack(t *testing.T) {
	t.Parallel()
	for name, revoked := range map[string]bool{"to a token that works": false, "to a token that was revoked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, h, _ := rotatedWorld(t)
			if _, err := w.deliver(h); err != nil {
				t.Fatal(err)
			}
			w.back("bitbucket/ci")
			if revoked {
				w.must(w.bitbucket.Seed(simbitbucket.State{Users: []simbitbucket.User{{Email: email, Tokens: []simbitbucket.Token{{Value: newToken, Scopes: []string{"read:user:bitbucket"}}}}}}))
			}
			writes, err := w.deliver(h)
			if revoked {
				if err == nil || !strings.Contains(err.Error(), "check token") || writes != 0 || w.stored("ci") != newToken {
					t.Errorf("%d writes, %v, and Infisical has %q", writes, err, w.stored("ci"))
				}
				return
			}
			if err != nil || writes != 1 || w.stored("ci") != oldToken {
				t.Errorf("%d writes, %v, and Infisical has %q", writes, err, w.stored("ci"))
			}
		})
	}
}

// back moves AWSCURRENT to the version before.
func (w *world) back(secret string) {
	w.t.Helper()
	client := w.secrets()
	out, err := client.DescribeSecret(w.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &secret})
	w.must(err)
	of := map[string]string{}
	for version, stages := range out.VersionIdsToStages {
		for _, stage := range stages {
			of[stage] = version
		}
	}
	_, err = client.UpdateSecretVersionStage(w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &secret, VersionStage: sdk.String("AWSCURRENT"),
		RemoveFromVersionId: sdk.String(of["AWSCURRENT"]), MoveToVersionId: sdk.String(of["AWSPREVIOUS"]),
	})
	w.must(err)
}

// TestABadTokenNeverReplacesAWorkingOne, whether Bitbucket refuses it or can't be
// asked, and whoever asks: the function, or Infisical after it.
func TestABadTokenNeverReplacesAWorkingOne(t *testing.T) {
	t.Parallel()
	user := fault.Path(http.MethodGet, "^/2.0/user$")
	tests := map[string]struct {
		token  string
		breaks func(w *world)
		want   string
	}{
		"unknown":           {token: "typo-0123456789", want: "check token"},
		"without the scope": {token: narrowToken, want: "read:user:bitbucket"},
		"Bitbucket is down": {token: newToken, breaks: func(w *world) {
			w.bitbucket.Faults().Add(user, fault.Always(), fault.Respond(http.StatusServiceUnavailable, nil, ""))
		}, want: "check token"},
		"down after we asked": {token: newToken, breaks: func(w *world) {
			w.bitbucket.Faults().Add(user, fault.From(2), fault.Respond(http.StatusServiceUnavailable, nil, ""))
		}, want: "Bitbucket could not be asked"},
		"revoked after that": {token: newToken, breaks: func(w *world) {
			w.bitbucket.Faults().Add(user, fault.From(2), fault.Respond(http.StatusUnauthorized, nil, ""))
		}, want: "Bitbucket refused the email and token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, h, _ := rotatedWorld(t)
			w.rotate("bitbucket/ci", value(map[string]string{"token": test.token}))
			h.bitbucket.http = &http.Client{Transport: transport.New(transport.Options{Sleep: noSleep})}
			if test.breaks != nil {
				test.breaks(w)
			}
			_, err := w.deliver(h)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if got := w.stored("ci"); got != oldToken {
				t.Errorf("Infisical has the token %q", got)
			}
		})
	}
}

// TestAnOutageOfAnHour: every attempt of the event fails with a reason, nothing is
// half done, and the daily check after it brings the token.
func TestAnOutageOfAnHour(t *testing.T) {
	t.Parallel()
	w, h, _ := rotatedWorld(t)
	outage := w.infisical.Faults().Add(fault.Match{Path: regexp.MustCompile(".")}, fault.Always(), fault.Respond(http.StatusServiceUnavailable, nil, ""))
	for attempt := range 3 {
		if _, err := w.deliver(h); err == nil || !strings.Contains(err.Error(), "answered 503") {
			t.Errorf("attempt %d: got %v", attempt+1, err)
		}
	}
	outage.Remove()
	if got := w.stored("ci"); got != oldToken {
		t.Errorf("in the outage, Infisical has the token %q", got)
	}
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil || w.stored("ci") != newToken {
		t.Errorf("after it: %v, and Infisical has the token %q", err, w.stored("ci"))
	}
}

// TestTheNameIsAnotherApps is told with its holder, and the holder is left alone.
func TestTheNameIsAnotherApps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	theirs := siminfisical.Connection{ID: "cccccccc-0000-4000-8000-000000000002", Name: "ci", App: "github", Method: "pat", OrgID: "org"}
	w.must(w.infisical.Seed(siminfisical.State{Connections: []siminfisical.Connection{theirs}}))
	h, _ := w.start()
	_, err := w.deliver(h)
	if err == nil || !strings.Contains(err.Error(), "the github connection "+theirs.ID) {
		t.Errorf("got %v", err)
	}
	if rows := w.infisical.Snapshot().Connections; len(rows) != 1 || rows[0].App != "github" || rows[0].APIToken != "" {
		t.Errorf("connections: %+v", rows)
	}
}
