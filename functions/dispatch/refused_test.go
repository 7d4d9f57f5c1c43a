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
	stop := func(w *world) {
		_, err := w.handler.table.SetStop(w.t.Context(), appKey, "410 from Bitbucket")
		w.must(err)
	}
	for name, test := range map[string]struct {
		event   string
		calls   int
		prepare func(w *world)
		want    []int
	}{
		"a schedule":                     {"schedule", 9, func(w *world) { w.store(rollout.DefaultScope, "ONE") }, []int{1, 2}},
		"a schedule, over nothing":       {"schedule", 9, func(w *world) { w.handler.store = lists{{}} }, []int{}},
		"a manifest for all":             {"changed_inline_all", 13, nil, []int{1, 2}},
		"a manifest for two":             {"changed_inline_list", 18, nil, []int{1, 2}},
		"a manifest that was overtaken":  {"changed_inline_all", 12, func(w *world) { w.newer() }, []int{1, 2}},
		"an upload":                      {"object_default", 10, nil, []int{1, 2}},
		"an update of the app":           {"addon_forge", 7, nil, []int{1, 2}},
		"a run that nobody goes on with": {"schedule", 6, func(w *world) { w.opened("event-schedule"); stop(w) }, []int{}},
		"a run that was dispatched":      {"schedule", 4, func(w *world) { w.dispatched("event-schedule") }, []int{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for refused := 1; refused <= test.calls+1; refused++ {
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
				if met := rule.Fired() > 0; met != (refused <= test.calls) || met != (err != nil) {
					t.Errorf("call %d of %d was refused: %v, error %v", refused, test.calls, met, err)
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
	_, _, err := w.handler.desired.Keep(w.t.Context(), w.handler.table, rollout.Origin{Run: "newer", At: w.handler.now()}, rollout.DefaultScope, manifestOf("NEWER"))
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
	_, err := w.handler.table.AdvanceRun(w.t.Context(), w.opened(id), 0, "")
	w.must(err)
}

// TestARefusalIsToldByTheNextAttempt when one can't, which says so.
func TestARefusalIsToldByTheNextAttempt(t *testing.T) {
	t.Parallel()
	const calls = 8
	for refused := 1; refused <= calls+1; refused++ {
		w := newWorld(t, 1)
		rule := w.aws.Faults.Add(fault.Any(), fault.Nth(refused), fault.AWSError(403, "AccessDeniedException", ""))
		_, err := w.handle("refused_manifest")
		log := w.out.String()
		if err == nil || rule.Fired() > 0 && errors.Is(err, rollout.ErrRefused) != strings.Contains(log, "refusal not recorded") {
			t.Errorf("call %d was refused: error %v, log %s", refused, err, log)
		}
		if met := rule.Fired() > 0; met != (refused <= calls) {
			t.Errorf("call %d of %d was refused: %v", refused, calls, met)
		}
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
