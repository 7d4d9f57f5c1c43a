package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/rollout"
)

// TestACallThatIsRefusedIsMadeUpFor, whichever it is: the attempt is an error, so that
// Lambda makes another, and that one leaves nobody out.
func TestACallThatIsRefusedIsMadeUpFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		event   string
		prepare func(w *world)
		want    []int
	}{
		"a schedule":                    {"schedule", func(w *world) { w.store(rollout.DefaultScope, "ONE") }, []int{1, 2}},
		"a schedule, over nothing":      {"schedule", func(w *world) { w.handler.store = lists{{}} }, []int{}},
		"a manifest for all":            {"changed_inline_all", nil, []int{1, 2}},
		"a manifest for two":            {"changed_inline_list", nil, []int{1, 2}},
		"a manifest that was overtaken": {"changed_inline_all", func(w *world) { w.newer() }, []int{1, 2}},
		"an upload":                     {"object_default", nil, []int{1, 2}},
		"an update of the app":          {"addon_forge", nil, []int{1, 2}},
		"a run that was dispatched":     {"schedule", func(w *world) { w.dispatched("event-schedule") }, []int{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for refused, met := 1, true; met; refused++ {
				w := newWorld(t, 2)
				version := ""
				if test.event == "object_default" {
					version = w.store(rollout.DefaultScope, "ONE")
				}
				if test.prepare != nil {
					test.prepare(w)
				}
				rule := w.aws.Faults.Add(fault.Any(), fault.Nth(refused), fault.AWSError(403, "AccessDeniedException", ""))
				_, err := w.handler.Handle(t.Context(), w.event(test.event, version))
				// Closing old runs is for the next schedule when it fails.
				met = rule.Fired() > 0
				closing := strings.Contains(w.out.String(), "old runs not closed")
				if met == (err == nil && !closing) || !met && refused < 4 {
					t.Errorf("call %d was refused: %v, error %v", refused, met, err)
				}
				rule.Remove()
				answer, err := w.handler.Handle(t.Context(), w.event(test.event, version))
				if diff := cmp.Diff(test.want, slices.Compact(w.numbers())); diff != "" || err != nil || answer.Queued != len(test.want) {
					t.Errorf("after call %d: answer %+v, error %v, queued for (-want +got):\n%s", refused, answer, err, diff)
				}
				run, err := w.handler.table.Run(t.Context(), "event-"+test.event)
				if err != nil || run.Total != len(test.want) || (len(w.finished()) > 0) != (len(test.want) == 0) {
					t.Errorf("after call %d: run %+v, error %v, told %+v", refused, run, err, w.finished())
				}
			}
		})
	}
}

// newer keeps a manifest that is sent now, after the events of the testdata.
func (w *world) newer() {
	w.t.Helper()
	_, _, err := w.handler.desired.Keep(w.t.Context(), rollout.Origin{Run: "newer", At: w.handler.now()}, rollout.DefaultScope, manifestOf("NEWER"))
	w.must(err)
}

// opened leaves a run that an attempt has begun and that has queued nothing.
func (w *world) opened(id string) rollout.Run {
	w.t.Helper()
	run, err := w.handler.table.OpenRun(w.t.Context(), id, appKey)
	w.must(err)
	return run
}

// dispatched leaves a run over nothing whose attempt died before it could tell of the end.
func (w *world) dispatched(id string) {
	w.t.Helper()
	_, err := w.handler.table.AdvanceRun(w.t.Context(), w.opened(id), "", 0, "")
	w.must(err)
}

// TestARefusalIsToldByTheNextAttempt when one can't, which says so.
func TestARefusalIsToldByTheNextAttempt(t *testing.T) {
	t.Parallel()
	for refused, met := 1, true; met; refused++ {
		w := newWorld(t, 1)
		rule := w.aws.Faults.Add(fault.Any(), fault.Nth(refused), fault.AWSError(403, "AccessDeniedException", ""))
		_, err := w.handle("refused_manifest")
		log := w.out.String()
		if err == nil || rule.Fired() > 0 && errors.Is(err, rollout.ErrRefused) != strings.Contains(log, "refusal not recorded") {
			t.Errorf("call %d was refused: error %v, log %s", refused, err, log)
		}
		met = rule.Fired() > 0
		rule.Remove()
		if _, err = w.handle("refused_manifest"); !errors.Is(err, rollout.ErrRefused) || len(w.finished()) == 0 {
			t.Errorf("after call %d: error %v, told %+v", refused, err, w.finished())
		}
	}
}

// TestAPanicIsAnError of its event, and not the end of the process.
func TestAPanicIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.handler.store = nil
	if _, err := w.handle("schedule"); !errors.Is(err, startup.ErrPanic) {
		t.Errorf("error %v, want ErrPanic", err)
	}
}
