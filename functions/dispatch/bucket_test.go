package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/rollout"
)

// put stores any object, past the function.
func (w *world) put(key, body string) (version string) {
	w.t.Helper()
	version, err := w.handler.desired.Objects.Put(w.t.Context(), key, []byte(body))
	w.must(err)
	return version
}

// TestWhatNobodyCanApplyIsRefusedOnce, before a message goes out for each installation:
// ten thousand dead letters at each schedule say no more than one.
func TestWhatNobodyCanApplyIsRefusedOnce(t *testing.T) {
	t.Parallel()
	own := rollout.WorkspaceScope(workspace(2))
	for name, test := range map[string]struct{ key, body, event, reason string }{
		"drift repair, not YAML":   {rollout.DefaultScope, "linkers: [", "schedule", "default.yaml"},
		"drift repair, no linkers": {rollout.DefaultScope, "version: 1\n", "schedule", "no linkers"},
		"all, another app's":       {rollout.DefaultScope, "version: 1\napp: other\nlinkers: [{key: issues, values: [A]}]\n", "changed_again", `"other"`},
		"uploaded, no linkers":     {rollout.DefaultScope, "version: 1\nlinkers: []\n", "object_default", "no linkers"},
		"a workspace's, uploaded":  {own, "version: 1\n", "object_workspace", "no linkers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			version := w.put(test.key, test.body)
			_, err := w.handler.Handle(t.Context(), w.event(test.event, version))
			if !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), test.reason) || len(w.messages()) != 0 {
				t.Errorf("error %v, %d messages; want ErrRefused with %s and none", err, len(w.messages()), test.reason)
			}
			if told := w.finished(); len(told) != 1 || !strings.Contains(told[0].Refused, test.reason) {
				t.Errorf("Run Finished: %+v, want one that says why", told)
			}
		})
	}
}

// TestABadDefaultIsNoConcernOfOthers: named workspaces may have a manifest of their own,
// and the app itself is no manifest's.
func TestABadDefaultIsNoConcernOfOthers(t *testing.T) {
	t.Parallel()
	for event, want := range map[string][]int{"changed_again_list": {2}, "addon_forge": {1, 2, 3}} {
		w := newWorld(t, 3)
		w.put(rollout.DefaultScope, "version: 7\n")
		_, err := w.handle(event)
		if diff := cmp.Diff(want, w.numbers()); diff != "" || err != nil {
			t.Errorf("%s: error %v, queued for (-want +got):\n%s", event, err, diff)
		}
	}
}

// change sends a change as an event.
func (w *world) change(id string, change rollout.Change) (result, error) {
	w.t.Helper()
	event, err := json.Marshal(map[string]any{"id": id, "source": rollout.Source, "detail-type": rollout.DetailChanged, "detail": change})
	w.must(err)
	return w.handler.Handle(w.t.Context(), event)
}

// allowed are the versions that the queued messages allow a large prune of, in order
// of client keys; only run's count.
func (w *world) allowed(run string) []string {
	w.t.Helper()
	versions := []string{}
	for _, message := range w.messages() {
		if message.Run == run {
			versions = append(versions, message.AllowPrune)
		}
	}
	return versions
}

// TestAYesToAPruneIsForOneVersion and reaches every message of its run, of no other.
func TestAYesToAPruneIsForOneVersion(t *testing.T) {
	t.Parallel()
	own := rollout.WorkspaceScope(workspace(1))
	of := func(key string) func(w *world) string {
		return func(w *world) string {
			version, err := w.handler.desired.Objects.Version(w.t.Context(), key)
			w.must(err)
			return version
		}
	}
	for name, test := range map[string]struct {
		change  rollout.Change
		version func(w *world) string
		count   int
	}{
		"inline, for all":         {rollout.Change{Manifest: string(manifestOf("ONE"))}, of(rollout.DefaultScope), 2},
		"the same manifest again": {rollout.Change{Manifest: string(manifestOf("STORED"))}, of(rollout.DefaultScope), 2},
		"inline, for one":         {rollout.Change{Manifest: string(manifestOf("ONE")), Installations: []string{workspace(1)}}, of(own), 1},
		"what is stored for all":  {rollout.Change{Location: &rollout.Location{Key: rollout.DefaultScope}}, of(rollout.DefaultScope), 2},
		"what is stored, for one": {rollout.Change{Location: &rollout.Location{Key: rollout.DefaultScope}, Installations: []string{workspace(1)}}, of(rollout.DefaultScope), 1},
		"a workspace's own":       {rollout.Change{Location: &rollout.Location{Key: own}}, of(own), 1},
		"its own, as it is named": {rollout.Change{Location: &rollout.Location{Key: own}, Installations: []string{workspace(1)}}, of(own), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.store(own, "OWN")
			// Its upload had a run of its own, which the guard may have ended.
			_, err := w.handler.Handle(t.Context(), w.event("object_default", w.store(rollout.DefaultScope, "STORED")))
			w.must(err)
			test.change.AllowPrune = true
			_, err = w.change("event-yes", test.change)
			w.must(err)
			want := []string{test.version(w), test.version(w)}[:test.count]
			if diff := cmp.Diff(want, w.allowed("event-yes")); diff != "" {
				t.Errorf("allowed (-want +got):\n%s", diff)
			}
			test.change.AllowPrune = false
			_, err = w.change("event-no", test.change)
			w.must(err)
			_, err = w.handle("schedule")
			w.must(err)
			if got := append(w.allowed("event-no"), w.allowed("event-schedule")...); strings.Join(got, "") != "" {
				t.Errorf("allowed %q without a yes", got)
			}
		})
	}
}

// TestAYesToAPruneIsNoYesToANewerManifest, which came while the event was on its way.
func TestAYesToAPruneIsNoYesToANewerManifest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	_, err := w.change("event-newer", rollout.Change{Manifest: string(manifestOf("NEWER"))}) // now
	w.must(err)
	_, err = w.handler.Handle(t.Context(), json.RawMessage(`{"id":"event-late","source":"linkersync","detail-type":"Linker Values Changed","time":"2020-11-21T12:00:00Z",`+
		`"detail":{"allow_prune":true,"manifest":`+quoted("OLD")+`}}`))
	w.must(err)
	if diff := cmp.Diff([]string{""}, w.allowed("event-late")); diff != "" {
		t.Errorf("allowed (-want +got):\n%s", diff)
	}
}

// TestAStoredDefaultForSomeIsStillEverybodys: the object's own event brings it to the rest.
func TestAStoredDefaultForSomeIsStillEverybodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	version := w.store(rollout.DefaultScope, "STORED")
	answer, err := w.change("event-some", rollout.Change{Location: &rollout.Location{Key: rollout.DefaultScope}, Installations: []string{workspace(1)}})
	if err != nil || answer.Queued != 1 {
		t.Errorf("answer %+v, error %v; want one", answer, err)
	}
	answer, err = w.handler.Handle(t.Context(), w.event("object_default", version))
	if err != nil || answer.Queued != 3 {
		t.Errorf("answer %+v, error %v; want all three", answer, err)
	}
}
