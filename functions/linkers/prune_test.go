package main

import (
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/rollout"
)

// full gives installation 1 more values than the guard lets go.
func (w *world) full() {
	w.t.Helper()
	w.must(w.bitbucket.Seed(simbitbucket.State{Installations: []simbitbucket.Installation{{
		AppKey: appKey, ClientKey: clientKey(1), SharedSecret: secret, Status: simbitbucket.Installed,
		Principal: simbitbucket.Principal{UUID: workspace(1)}, Values: map[string][]string{"issues": strings.Fields("A B C D E F G H I J K L M")},
	}}}))
}

// allow puts a manifest into the bucket and returns a message that allows its prune.
func (w *world) allow(scope string, values ...string) queue.Message {
	w.t.Helper()
	w.desire(scope, values...)
	version, err := w.handler.worker.desired.Objects.Version(w.t.Context(), scope)
	w.must(err)
	allowed := message(1)
	allowed.AllowPrune = version
	return allowed
}

// TestALargePruneThatIsAllowed is done, for the version that it was allowed for and
// no other, and counted.
func TestALargePruneThatIsAllowed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(w *world) queue.Message
		want    string
		removed int
	}{
		"of everybody's manifest": {func(w *world) queue.Message { return w.allow(rollout.DefaultScope, "NEW") }, "NEW", 13},
		"of the workspace's own": {func(w *world) queue.Message {
			w.desire(rollout.DefaultScope, "OTHER")
			return w.allow(rollout.WorkspaceScope(workspace(1)), "NEW")
		}, "NEW", 13},
		"of an older manifest": {func(w *world) queue.Message {
			m := w.allow(rollout.DefaultScope, "NEW")
			w.desire(rollout.DefaultScope, "NEWER")
			return m
		}, "A B C D E F G H I J K L M", 0},
		"of everybody's, which isn't this one's": {func(w *world) queue.Message {
			w.desire(rollout.WorkspaceScope(workspace(1)), "OWN")
			return w.allow(rollout.DefaultScope, "NEW")
		}, "A B C D E F G H I J K L M", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.full()
			m := test.prepare(w)
			w.run("run-1", 1)
			if again := w.batch(t.Context(), record("m", m, 1)); len(again) != 0 || w.values(1) != test.want {
				t.Errorf("again %v, values %q; want %q", again, w.values(1), test.want)
			}
			run, err := w.handler.table.Run(t.Context(), "run-1")
			if err != nil || run.Removed != test.removed || run.Added != min(test.removed, 1) || run.Changed+run.Failed != 1 {
				t.Errorf("run %+v, error %v; want %d removed", run, err, test.removed)
			}
		})
	}
}

// TestNoVersionIsNoYes: in a bucket without versions, a manifest has none either.
func TestNoVersionIsNoYes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.full()
	w.desire(rollout.DefaultScope, "NEW")
	state, err := w.handler.worker.desired.Default(t.Context())
	w.must(err)
	state.VersionID = ""
	signer := connect.Signer{AppKey: appKey, ClientKey: clientKey(1), Secret: redact.New(secret)}
	client := &bitbucket.Client{BaseURL: w.handler.worker.apiURL, HTTP: w.handler.worker.http, Sign: signer.Sign}
	if wrote, failed := w.handler.worker.linkers(t.Context(), client, state, "", &rollout.Applied{}); wrote || !held(failed.Err()) {
		t.Errorf("wrote %v, error %v; want the guard's", wrote, failed)
	}
}

// TestANewManifestMeanwhileIsNotAllowedToo: the worker starts over with it.
func TestANewManifestMeanwhileIsNotAllowedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.full()
	// What is allowed adds many; what comes meanwhile would delete them.
	m := w.allow(rollout.DefaultScope, strings.Fields("A B C D E F G H I J K L M N O P")...)
	var changes atomic.Int32
	w.handler.worker.http.Transport = hook{w.handler.worker.http.Transport, func(r *http.Request) {
		if r.Method != http.MethodGet && changes.Add(1) == 1 {
			w.desire(rollout.DefaultScope, "TWO")
		}
	}}
	w.batch(t.Context(), record("m", m, 1))
	w.deadLetter("allow the prune explicitly")
	if got := w.values(1); got != "A B C D E F G H I J K L M N O P" {
		t.Errorf("values %q, want none deleted", got)
	}
}

// TestTheGuardSaysHowToAllow: what the dead letter says to send is what dispatch takes,
// and means this workspace and this version alone.
func TestTheGuardSaysHowToAllow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.full()
	version := w.allow(rollout.DefaultScope, "NEW").AllowPrune
	w.run("run-1", 1)
	w.batch(t.Context(), record("m", message(1), 1))
	w.deadLetter("prune: true")
	reason := w.aws.Queues.Messages(dead)[0].Attributes["reason"]
	change, err := rollout.Decode[rollout.Change]([]byte(regexp.MustCompile(`\{.*\}$`).FindString(reason)))
	if err != nil || !change.AllowPrune || len(change.Installations) != 1 || change.Installations[0] != workspace(1) ||
		change.Location == nil || change.Location.Key != rollout.DefaultScope || change.Location.VersionID != version {
		t.Errorf("change %+v, error %v, of the reason %s", change, err, reason)
	}
	if applied := w.applied(); len(applied) != 1 || !strings.Contains(applied[0].Linkers[0].Error, `"allow_prune":true`) {
		t.Errorf("events %+v don't say so", applied)
	}
}

// TestAWorkspaceThatIsLeftAlone has a manifest of its own that wants nothing, as
// docs/operate.md says; one without any linker is refused.
func TestAWorkspaceThatIsLeftAlone(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]rollout.Outcome{
		"version: 1\nlinkers:\n  - {key: issues, values: []}\n": rollout.Unchanged,
		"version: 1\n": rollout.Failed,
	} {
		w := newWorld(t, 1)
		w.desire(rollout.DefaultScope, "ONE")
		_, err := w.handler.worker.desired.Objects.Put(t.Context(), rollout.WorkspaceScope(workspace(1)), []byte(body))
		w.must(err)
		w.batch(t.Context(), record("m", message(1), 1))
		if applied := w.applied(); len(applied) != 1 || applied[0].Outcome != want || w.values(1) != "OLD" {
			t.Errorf("%q: events %+v, values %q; want %s and none changed", body, applied, w.values(1), want)
		}
	}
}
