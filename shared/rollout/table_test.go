package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

// queued records a page of a run with so many installations.
func queued(t *testing.T, table *rollout.Table, run rollout.Run, from, count int, cursor string) (rollout.Run, []queue.Message) {
	t.Helper()
	clientKeys := make([]string, count)
	for i := range clientKeys {
		clientKeys[i] = fmt.Sprintf("client-%d", from+i)
	}
	page, err := table.OpenPage(t.Context(), run, clientKeys)
	if err != nil {
		t.Fatal(err)
	}
	messages := make([]queue.Message, count)
	for i, key := range clientKeys {
		messages[i] = queue.Message{Run: run.ID, Page: page, ClientKey: key}
	}
	run, err = table.AdvanceRun(t.Context(), run, page, count, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return run, messages
}

// opened is a run of one page whose total is known.
func opened(t *testing.T, table *rollout.Table, id string, total int) (rollout.Run, []queue.Message) {
	t.Helper()
	run, err := table.OpenRun(t.Context(), id, app)
	if err != nil {
		t.Fatal(err)
	}
	return queued(t, table, run, 0, total, "")
}

func TestRunFromOpenToDone(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table, bus := c.table(), c.bus()
	table.Now = func() time.Time { return noon }
	run, err := table.OpenRun(t.Context(), "r", app)
	c.must(err)
	run, first := queued(t, table, run, 0, 100, "page 2")
	again, err := table.OpenRun(t.Context(), "r", app)
	if diff := cmp.Diff(run, again); diff != "" || err != nil {
		t.Errorf("opening a run again (-before +after), error %v:\n%s", err, diff)
	}
	run, second := queued(t, table, run, 100, 3, "")
	if run.Phase != rollout.Working || run.Total != 103 || run.Complete() {
		t.Errorf("after the last page: %+v, want 103 to do", run)
	}
	outcomes := []rollout.Outcome{rollout.Changed, rollout.Unchanged, rollout.Failed, rollout.Skipped}
	for i, message := range slices.Concat(first, second) {
		if run, err = table.Run(t.Context(), "r"); err != nil || run.Reported() != i || run.Complete() {
			t.Fatalf("after %d outcomes: %+v, error %v", i, run, err)
		}
		result := rollout.Result{Outcome: outcomes[i%4], Added: i % 4, Removed: i % 2}
		run, err = table.Report(t.Context(), message, result)
		if ends := i == 99 || i == 102; err != nil || (run.ID != "") != ends {
			t.Fatalf("outcome %d: run %+v, error %v; a page ended: %v", i, run, err, ends)
		}
	}
	run, finished, err := rollout.Announce(t.Context(), table, bus, run)
	want := rollout.Finished{Run: "r", App: app, Total: 103, Changed: 26, Unchanged: 26, Failed: 26, Skipped: 25, Added: 153, Removed: 51, Started: noon, Ended: noon}
	if diff := cmp.Diff(want, run.Finished()); diff != "" || err != nil || !finished || run.Phase != rollout.Done {
		t.Errorf("finished %v, phase %s, error %v (-want +got):\n%s", finished, run.Phase, err, diff)
	}
}

// TestAnOutcomeCountsOnce however often it is reported, also with another outcome, from
// many workers at a time, and when the answer to the write was lost.
func TestAnOutcomeCountsOnce(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table := c.table()
	_, messages := opened(t, table, "r", 20)
	if c.simulator != nil {
		c.simulator.Faults.Add(fault.Target("UpdateItem"), fault.Every(5), fault.ResetAfter())
	}
	var group sync.WaitGroup
	for i := range 60 {
		outcome := []rollout.Outcome{rollout.Changed, rollout.Failed, rollout.Skipped}[i/20]
		group.Go(func() {
			if i >= 20 {
				time.Sleep(10 * time.Millisecond)
			}
			if _, err := table.Report(context.WithoutCancel(t.Context()), messages[i%20], rollout.Result{Outcome: outcome, Added: 1}); err != nil {
				t.Errorf("report %d: %v", i, err)
			}
		})
	}
	group.Wait()
	run, err := table.Run(t.Context(), "r")
	if err != nil || run.Reported() != 20 || run.Added != 20 || !run.Complete() {
		t.Errorf("run %+v, error %v; want 20 outcomes", run, err)
	}
}

// TestAPageThatIsReportedBeforeTheRunKnowsIt is counted when the run does; a page of an
// attempt that died counts nowhere.
func TestAPageThatIsReportedBeforeTheRunKnowsIt(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table := c.table()
	run, err := table.OpenRun(t.Context(), "r", app)
	c.must(err)
	for _, dies := range []bool{true, false} {
		page, err := table.OpenPage(t.Context(), run, []string{"a"})
		c.must(err)
		if early, err := table.Report(t.Context(), queue.Message{Run: "r", Page: page, ClientKey: "a"}, rollout.Result{Outcome: rollout.Changed}); err != nil || early.Complete() {
			t.Errorf("run %+v, error %v", early, err)
		}
		if !dies {
			run, err = table.AdvanceRun(t.Context(), run, page, 1, "")
			c.must(err)
		}
	}
	if run.Changed != 1 || run.Total != 1 || !run.Complete() {
		t.Errorf("run %+v; want it complete with one", run)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	table := newCloud(t).table()
	_, run := table.Run(t.Context(), "r")
	_, report := table.Report(t.Context(), queue.Message{Run: "r", Page: "p", ClientKey: "c"}, rollout.Result{Outcome: rollout.Changed})
	_, first := table.Report(t.Context(), queue.Message{ClientKey: "c"}, rollout.Result{Outcome: rollout.Changed})
	for name, err := range map[string]error{"run": run, "report": report, "a first sync": first} {
		if !errors.Is(err, rollout.ErrNoRun) {
			t.Errorf("%s: %v, want ErrNoRun", name, err)
		}
	}
	if state, err := table.Removal(t.Context(), app); state.IsSuspected() || state.IsStopped() || err != nil {
		t.Errorf("state %v, error %v", state, err)
	}
	if revision, err := table.Newest(t.Context(), app, rollout.DefaultScope); revision != 0 || err != nil {
		t.Errorf("revision %d, error %v", revision, err)
	}
}

// TestARunThatEndsEarlyWaitsForWhatIsQueued and for nothing else.
func TestARunThatEndsEarlyWaitsForWhatIsQueued(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end    func(ctx context.Context, table *rollout.Table, run rollout.Run) (rollout.Run, error)
		failed int
	}{
		"ended": {func(ctx context.Context, table *rollout.Table, run rollout.Run) (rollout.Run, error) {
			return table.EndRun(ctx, run, "why")
		}, 0},
		"refused": {func(ctx context.Context, table *rollout.Table, run rollout.Run) (rollout.Run, error) {
			return table.RefuseRun(ctx, run.ID, app, "why")
		}, 1},
	} {
		c := newCloud(t)
		table := c.table()
		run, err := table.OpenRun(t.Context(), "r", app)
		c.must(err)
		run, messages := queued(t, table, run, 0, 2, "page 2")
		for range 2 { // the second time after a lost answer
			ended, err := test.end(t.Context(), table, run)
			if err != nil || ended.Complete() || ended.Total != 2+test.failed || ended.Note+ended.Refused != "why" {
				t.Errorf("%s: %+v, error %v", name, ended, err)
			}
		}
		for _, message := range messages {
			run, err = table.Report(t.Context(), message, rollout.Result{Outcome: rollout.Skipped})
			c.must(err)
		}
		if !run.Complete() || run.Failed != test.failed || run.Reported() != run.Total {
			t.Errorf("%s: %+v; want it complete", name, run)
		}
		if _, err := table.AdvanceRun(t.Context(), run, "", 1, "page 3"); !errors.Is(err, rollout.ErrOvertaken) {
			t.Errorf("%s: it was moved after its end: %v", name, err)
		}
	}
}

// TestARunThatCannotFinishIsClosed with the reason: its messages are lost, or its
// dispatch did not end. A run of the day is left alone.
func TestARunThatCannotFinishIsClosed(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	table, bus := c.table(), c.bus()
	heard := c.listen(bus.Name)
	now := noon
	table.Now = func() time.Time { return now }
	_, messages := opened(t, table, "lost", 3)
	_, err := table.Report(t.Context(), messages[0], rollout.Result{Outcome: rollout.Changed})
	c.must(err)
	half, err := table.OpenRun(t.Context(), "half", app)
	c.must(err)
	_, halfMessages := queued(t, table, half, 0, 1, "page 2")
	_, err = table.Report(t.Context(), halfMessages[0], rollout.Result{Outcome: rollout.Changed})
	c.must(err)
	now = noon.Add(10 * time.Hour)
	_, later := opened(t, table, "later", 1)
	now = noon.Add(24 * time.Hour)
	if closed, err := table.CloseRuns(t.Context(), bus, app); closed != 0 || err != nil {
		t.Errorf("closed %d, error %v after a day; want none", closed, err)
	}
	now = noon.Add(rollout.MaxRunAge)
	for _, want := range []int{2, 0} {
		if closed, err := table.CloseRuns(t.Context(), bus, app); closed != want || err != nil {
			t.Errorf("closed %d, error %v; want %d", closed, err, want)
		}
	}
	// One that was not lost after all changes nothing any more.
	_, err = table.Report(t.Context(), messages[1], rollout.Result{Outcome: rollout.Changed})
	c.must(err)
	for id, want := range map[string][4]int{"lost": {3, 1, 2, 3}, "half": {1, 1, 0, 1}} {
		run, err := table.Run(t.Context(), id)
		if got := [4]int{run.Total, run.Changed, run.Failed, run.Reported()}; got != want || err != nil || !strings.Contains(run.Note, "closed after 25h") || !run.Announced {
			t.Errorf("%s: %+v, error %v; want %v", id, run, err, want)
		}
	}
	run, err := table.Report(t.Context(), later[0], rollout.Result{Outcome: rollout.Changed})
	if err != nil || !run.Complete() || len(heard()) != 2 {
		t.Errorf("the run of the day: %+v, error %v; %d Run Finished", run, err, len(heard()))
	}
}

func TestAdvanceRunTellsRivalsFromLostAnswers(t *testing.T) {
	t.Parallel()
	for name, cursor := range map[string]string{"in the middle": "page 2", "at the end": ""} {
		c := simulated(t)
		table := c.table()
		run, err := table.OpenRun(t.Context(), "r", app)
		c.must(err)
		lost := c.simulator.Faults.Add(fault.Target("UpdateItem"), fault.Once(), fault.ResetAfter())
		ahead, err := table.AdvanceRun(t.Context(), run, "", 7, cursor)
		if err != nil || ahead.Queued != 7 || ahead.Cursor != cursor || lost.Fired() != 1 {
			t.Errorf("%s, after a lost answer: %+v, %v", name, ahead, err)
		}
		_, more := table.AdvanceRun(t.Context(), run, "", 8, cursor)
		_, elsewhere := table.AdvanceRun(t.Context(), run, "", 7, "page 3")
		_, another := table.AdvanceRun(t.Context(), run, "another", 7, cursor)
		for rival, err := range map[string]error{"with more": more, "at another page": elsewhere, "with another page": another} {
			if !errors.Is(err, rollout.ErrOvertaken) {
				t.Errorf("%s, a rival %s: %v, want ErrOvertaken", name, rival, err)
			}
		}
	}
}

func TestRestartRunForgetsThePlaceAndNothingElse(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table := c.table()
	run, err := table.OpenRun(t.Context(), "r", app)
	c.must(err)
	run, messages := queued(t, table, run, 0, 2, "lost cursor")
	run, err = table.RestartRun(t.Context(), run)
	if err != nil || run.ListFrom() != "" || run.Queued != 2 || run.Phase != rollout.Dispatching {
		t.Errorf("restarted: %+v, error %v", run, err)
	}
	// In a process that knows nothing of it.
	seen, err := table.Seen(t.Context(), run)
	c.must(err)
	if got := [3]bool{seen.Add("client-1"), seen.Add("client-2"), seen.Add("client-2")}; got != [3]bool{false, true, false} {
		t.Errorf("new are %v, want the one that has no message yet, once", got)
	}
	run, err = table.AdvanceRun(t.Context(), run, "", 0, "")
	c.must(err)
	for _, message := range messages {
		run, err = table.Report(t.Context(), message, rollout.Result{Outcome: rollout.Changed})
	}
	if err != nil || !run.Complete() {
		t.Errorf("run %+v, error %v; want it complete", run, err)
	}
}

func TestNewestRevision(t *testing.T) {
	t.Parallel()
	table := newCloud(t).table()
	type answer struct {
		Revision int64
		Owner    string
	}
	var got []answer
	for _, step := range []struct{ scope, version, run string }{
		{"default.yaml", "v1", "a"},
		{"default.yaml", "v1", "b"}, // the same version, announced again
		{"default.yaml", "v2", "b"},
		{"installations/x.yaml", "v1", "c"}, // another scope
		{"default.yaml", "v2", "b"},         // the same run, again
	} {
		revision, owner, err := table.Advance(t.Context(), app, step.scope, step.version, step.run)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, answer{revision, owner})
	}
	if diff := cmp.Diff([]answer{{1, "a"}, {1, "a"}, {2, "b"}, {1, "c"}, {2, "b"}}, got); diff != "" {
		t.Errorf("revisions (-want +got):\n%s", diff)
	}
}

// TestACallThatIsRefusedIsAnError, whichever it is: what isn't known to be written or
// read must not count as if it were.
func TestACallThatIsRefusedIsAnError(t *testing.T) {
	t.Parallel()
	flow := func(ctx context.Context, table *rollout.Table, desired rollout.Desired, bus rollout.Bus) error {
		if _, _, err := desired.Keep(ctx, rollout.Origin{Run: "r", At: noon}, rollout.DefaultScope, manifestOf("ONE")); err != nil {
			return err
		}
		state, err := desired.Default(ctx)
		if err != nil {
			return err
		}
		if _, err := desired.Current(ctx, workspace, state); err != nil {
			return err
		}
		if _, _, err := table.Advance(ctx, app, rollout.DefaultScope, "v1", "r"); err != nil {
			return err
		}
		run, err := table.OpenRun(ctx, "r", app)
		if err != nil {
			return err
		}
		if _, err := table.Seen(ctx, run); err != nil {
			return err
		}
		page, err := table.OpenPage(ctx, run, []string{"a"})
		if err != nil {
			return err
		}
		if _, err = table.AdvanceRun(ctx, run, page, 1, ""); err != nil {
			return err
		}
		if run, err = table.Report(ctx, queue.Message{Run: "r", Page: page, ClientKey: "a"}, rollout.Result{Outcome: rollout.Changed}); err != nil {
			return err
		}
		_, _, err = rollout.Announce(ctx, table, bus, run)
		return err
	}
	for refused, met := 1, true; met; refused++ {
		c := simulated(t)
		table, desired, bus := c.table(), c.desired(), c.bus()
		rule := c.simulator.Faults.Add(fault.Any(), fault.Nth(refused), fault.AWSError(403, "AccessDeniedException", ""))
		err := flow(t.Context(), table, desired, bus)
		if met = rule.Fired() > 0; met != (err != nil) || !met && refused < 20 {
			t.Errorf("call %d was refused: %v, error %v", refused, met, err)
		}
	}
}

func TestErrorsNameTheItemAndHideTheAccount(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	table := c.table()
	c.simulator.Faults.Add(fault.Any(), fault.Always(), fault.AWSError(400, "AccessDeniedException", "arn:aws:iam::111122223333:role/x may not"))
	_, err := table.Removal(t.Context(), app)
	if err == nil || !strings.HasPrefix(err.Error(), "read removal#example-linker-app from the table: access denied (AccessDeniedException") || strings.Contains(err.Error(), "111122223333") {
		t.Errorf("error %v", err)
	}
}
