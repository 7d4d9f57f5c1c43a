package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/rollout"
)

// opened is a run whose total is known.
func opened(t *testing.T, table *rollout.Table, id string, total int) rollout.Run {
	t.Helper()
	run, err := table.OpenRun(t.Context(), id, app)
	if err == nil {
		run, err = table.AdvanceRun(t.Context(), run, total, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestRunFromOpenToDone(t *testing.T) {
	t.Parallel()
	table := newCloud(t).table()
	table.Now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	ctx := t.Context()

	run, err := table.OpenRun(ctx, "r", app)
	if err != nil {
		t.Fatal(err)
	}
	if run, err = table.AdvanceRun(ctx, run, 100, "page 2"); err != nil {
		t.Fatal(err)
	}
	again, err := table.OpenRun(ctx, "r", app)
	if diff := cmp.Diff(run, again); diff != "" || err != nil {
		t.Errorf("opening a run again (-before +after), error %v:\n%s", err, diff)
	}
	if run, err = table.AdvanceRun(ctx, run, 3, ""); err != nil {
		t.Fatal(err)
	}
	if run.Phase != rollout.Working || run.Total != 103 || run.Complete() {
		t.Errorf("after the last page: %+v, want 103 to do", run)
	}
	run, err = table.Report(ctx, "r", outcomes(0, 40, rollout.Changed))
	if err != nil || run.Changed != 40 {
		t.Fatalf("run %+v, error %v", run, err)
	}
	for from, outcome := range map[int]rollout.Outcome{40: rollout.Unchanged, 60: rollout.Failed, 80: rollout.Skipped} {
		if _, err := table.Report(ctx, "r", outcomes(from, 20, outcome)); err != nil {
			t.Fatal(err)
		}
	}
	if run, err = table.Report(ctx, "r", outcomes(100, 3, rollout.Skipped)); err != nil || !run.Complete() {
		t.Fatalf("run %+v, error %v; want it complete", run, err)
	}
	if run, err = table.FinishRun(ctx, run); err != nil {
		t.Fatal(err)
	}
	want := rollout.Finished{
		Run: "r", App: app, Total: 103, Changed: 40, Unchanged: 20, Failed: 20, Skipped: 23,
		Added: 80, Removed: 40,
		Started: table.Now(), Ended: table.Now(),
	}
	if diff := cmp.Diff(want, run.Finished()); diff != "" || run.Phase != rollout.Done {
		t.Errorf("phase %s (-want +got):\n%s", run.Phase, diff)
	}
}

// outcomes are results of which the changed ones added two values and removed one.
func outcomes(from, count int, outcome rollout.Outcome) map[string]rollout.Result {
	made := map[string]rollout.Result{}
	for i := range count {
		result := rollout.Result{Outcome: outcome}
		if outcome == rollout.Changed {
			result.Added, result.Removed = 2, 1
		}
		made[fmt.Sprintf("client-%d", from+i)] = result
	}
	return made
}

func TestReportCountsAnInstallationOnce(t *testing.T) {
	t.Parallel()
	table := newCloud(t).table()
	opened(t, table, "r", 5)
	ctx := t.Context()
	changed := rollout.Result{Outcome: rollout.Changed, Added: 2, Removed: 1}
	unchanged, skipped := rollout.Result{Outcome: rollout.Unchanged}, rollout.Result{Outcome: rollout.Skipped}
	failed := rollout.Result{Outcome: rollout.Failed, Added: 30} // one of two linkers
	for _, report := range []map[string]rollout.Result{
		{"a": changed, "b": unchanged},
		{"a": changed, "b": unchanged},
		{"a": failed, "c": skipped, "d": failed},
		{"a": changed},
	} {
		if _, err := table.Report(ctx, "r", report); err != nil {
			t.Fatal(err)
		}
	}
	run, err := table.Run(ctx, "r")
	want := [6]int{1, 1, 1, 1, 32, 1}
	if got := [6]int{run.Changed, run.Unchanged, run.Failed, run.Skipped, run.Added, run.Removed}; got != want || err != nil {
		t.Errorf("counts %v, error %v; want %v", got, err, want)
	}
}

// TestReportFromManyWorkers has every pair of outcomes reported by two workers at
// the same moment: transactions meet, and are repeated.
func TestReportFromManyWorkers(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table := c.table()
	opened(t, table, "r", 20)
	if c.simulator != nil {
		conflicts := c.simulator.Faults.Add(fault.Target("TransactWriteItems"), fault.Every(3), conflict())
		defer func() {
			if conflicts.Fired() == 0 {
				t.Error("no conflict was met")
			}
		}()
	}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			if _, err := table.Report(context.WithoutCancel(t.Context()), "r", outcomes(i/2*2, 2, rollout.Changed)); err != nil {
				t.Errorf("report %d: %v", i, err)
			}
		})
	}
	group.Wait()
	if run, err := table.Run(t.Context(), "r"); err != nil || run.Changed != 20 || !run.Complete() {
		t.Errorf("run %+v, error %v; want 20 changed", run, err)
	}
}

func conflict() fault.Effect {
	return fault.Respond(400, map[string][]string{"Content-Type": {"application/x-amz-json-1.0"}},
		`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]}`)
}

// TestReportGivesUpOnConflictsInTheEnd, after pauses that grow, or at once with the caller.
func TestReportGivesUpOnConflictsInTheEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		gone     error
		attempts int
	}{"alone": {nil, 10}, "with the caller": {context.Canceled, 1}} {
		c := simulated(t)
		table := c.table()
		var longest time.Duration
		table.Sleep = func(_ context.Context, pause time.Duration) error {
			longest = max(longest, pause)
			return test.gone
		}
		opened(t, table, "r", 1)
		c.simulator.Faults.Add(fault.Target("TransactWriteItems"), fault.Always(), conflict())
		if _, err := table.Report(t.Context(), "r", outcomes(0, 1, rollout.Changed)); err == nil || test.gone != nil && !errors.Is(err, test.gone) {
			t.Errorf("%s: reported while every transaction was refused: %v", name, err)
		}
		if got := c.simulator.Faults.Count(fault.Target("TransactWriteItems")); got != test.attempts {
			t.Errorf("%s: %d attempts, want %d", name, got, test.attempts)
		}
		// That nine growing ones are all as short as the first happens once in 4 thousand million runs.
		if grew := longest > 20*time.Millisecond; grew != (test.gone == nil) || longest > time.Second {
			t.Errorf("%s: the longest pause was %v", name, longest)
		}
	}
}

// TestWhyATransactionWasCancelled decides whether it is repeated, and whether it is an error:
// what nobody counted must not pass for what was counted before.
func TestWhyATransactionWasCancelled(t *testing.T) {
	t.Parallel()
	const cancelled = `{"__type":"TransactionCanceledException","CancellationReasons":`
	for name, test := range map[string]struct {
		body     string
		repeated bool
	}{
		"another one, before the run":    {cancelled + `[{"Code":"TransactionConflict"},{"Code":"None"}]}`, true},
		"another one, at the run":        {cancelled + `[{"Code":"None"},{"Code":"TransactionConflict"}]}`, true},
		"the table's throughput":         {cancelled + `[{"Code":"ThrottlingError"},{"Code":"None"}]}`, true},
		"the throughput of a partition":  {cancelled + `[{"Code":"None"},{"Code":"ProvisionedThroughputExceeded"}]}`, true},
		"itself, whose answer was lost":  {`{"__type":"TransactionInProgressException"}`, true},
		"a reason that we don't know":    {cancelled + `[{"Code":"ItemCollectionSizeLimitExceeded"},{"Code":"None"}]}`, false},
		"reasons that nobody can read":   {cancelled + `"[ConditionalCheckFailed]"}`, false},
		"another error than cancelled":   {`{"__type":"ValidationException","CancellationReasons":[{"Code":"ConditionalCheckFailed"},{"Code":"None"}]}`, false},
		"another code at the same place": {cancelled + `[{"Code":"ValidationError"},{"Code":"ValidationError"}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := simulated(t)
			table := c.table()
			table.Sleep = noWait
			opened(t, table, "r", 1)
			c.simulator.Faults.Add(fault.Target("TransactWriteItems"), fault.Once(),
				fault.Respond(400, map[string][]string{"Content-Type": {"application/x-amz-json-1.0"}}, test.body))
			run, err := table.Report(t.Context(), "r", outcomes(0, 1, rollout.Changed))
			if (err == nil) != test.repeated || run.Changed == 1 != test.repeated {
				t.Errorf("run %+v, error %v; want it repeated %v", run, err, test.repeated)
			}
		})
	}
}

func TestReportWhoseAnswerWasLostCountsOnce(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	table := c.table()
	opened(t, table, "r", 3)
	c.simulator.Faults.Add(fault.Target("TransactWriteItems"), fault.Once(), fault.ResetAfter())
	run, err := table.Report(t.Context(), "r", outcomes(0, 3, rollout.Unchanged))
	if err != nil || run.Unchanged != 3 {
		t.Errorf("run %+v, error %v; want 3 unchanged", run, err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	table := newCloud(t).table()
	ctx := t.Context()
	_, run := table.Run(ctx, "r")
	_, report := table.Report(ctx, "r", outcomes(0, 2, rollout.Changed))
	for name, err := range map[string]error{"run": run, "report": report} {
		if !errors.Is(err, rollout.ErrNoRun) {
			t.Errorf("%s: %v, want ErrNoRun", name, err)
		}
	}
	if _, up, err := table.Stopped(ctx, app); up || err != nil {
		t.Errorf("stopped %v, error %v", up, err)
	}
	if revision, err := table.Newest(ctx, app, rollout.DefaultScope); revision != 0 || err != nil {
		t.Errorf("revision %d, error %v", revision, err)
	}
}

// TestARunThatIsCutShortWaitsForWhatIsOut and for nothing else.
func TestARunThatIsCutShortWaitsForWhatIsOut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cut  func(ctx context.Context, table *rollout.Table, run rollout.Run) (rollout.Run, error)
		want rollout.Run
	}{
		"ended": {func(ctx context.Context, table *rollout.Table, run rollout.Run) (rollout.Run, error) {
			return table.EndRun(ctx, run, "why")
		}, rollout.Run{Total: 2, Note: "why"}},
		"refused": {func(ctx context.Context, table *rollout.Table, run rollout.Run) (rollout.Run, error) {
			return table.RefuseRun(ctx, run.ID, app, "why")
		}, rollout.Run{Total: 3, Failed: 1, Refused: "why"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			table, ctx := c.table(), t.Context()
			run, err := table.OpenRun(ctx, "r", app)
			c.must(err)
			behind := run
			run, err = table.AdvanceRun(ctx, run, 2, "page 2")
			c.must(err)
			if name == "ended" { // by who read the run before it was moved
				if other, err := table.EndRun(ctx, behind, "why"); other.Phase != rollout.Dispatching || err != nil {
					t.Errorf("a run that another dispatcher moves was ended: %+v, error %v", other, err)
				}
			}
			for range 2 { // the second time after a lost answer
				ended, err := test.cut(ctx, table, run)
				want := test.want
				want.ID, want.App, want.Phase, want.Cursor, want.Pages, want.Queued, want.Started = "r", app, rollout.Working, "page 2", 1, 2, run.Started
				if diff := cmp.Diff(want, ended); diff != "" || err != nil || ended.Complete() {
					t.Errorf("complete %v, error %v, run (-want +got):\n%s", ended.Complete(), err, diff)
				}
			}
			reported, err := table.Report(ctx, "r", outcomes(0, 2, rollout.Skipped))
			if err != nil || !reported.Complete() {
				t.Errorf("run %+v, error %v; want it complete", reported, err)
			}
			if _, err := table.AdvanceRun(ctx, run, 1, "page 3"); !errors.Is(err, rollout.ErrOvertaken) {
				t.Errorf("it was moved after its end: %v", err)
			}
		})
	}
}

func TestAdvanceRunTellsRivalsFromLostAnswers(t *testing.T) {
	t.Parallel()
	for name, cursor := range map[string]string{"in the middle": "page 2", "at the end": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := simulated(t)
			table := c.table()
			run, err := table.OpenRun(t.Context(), "r", app)
			c.must(err)
			lost := c.simulator.Faults.Add(fault.Target("UpdateItem"), fault.Once(), fault.ResetAfter())
			ahead, err := table.AdvanceRun(t.Context(), run, 7, cursor)
			if err != nil || ahead.Queued != 7 || ahead.Cursor != cursor || lost.Fired() != 1 {
				t.Errorf("after a lost answer: %+v, %v", ahead, err)
			}
			_, more := table.AdvanceRun(t.Context(), run, 8, cursor)
			_, elsewhere := table.AdvanceRun(t.Context(), run, 7, "page 3")
			run.Cursor, run.Queued = "page 1", 7
			_, again := table.RestartRun(t.Context(), run)
			for rival, err := range map[string]error{"with more": more, "at another page": elsewhere, "that starts over": again} {
				if !errors.Is(err, rollout.ErrOvertaken) {
					t.Errorf("a rival %s: %v, want ErrOvertaken", rival, err)
				}
			}
		})
	}
}

func TestRestartRunForgetsThePlaceAndNothingElse(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table := c.table()
	ctx := t.Context()
	run, err := table.OpenRun(ctx, "r", app)
	c.must(err)
	seen, err := table.Seen(ctx, run)
	c.must(err)
	c.must(seen.Record(ctx, run, []string{"client-0", "client-1"}))
	run, err = table.AdvanceRun(ctx, run, 2, "lost cursor")
	c.must(err)
	_, err = table.Report(ctx, "r", outcomes(0, 2, rollout.Changed))
	c.must(err)
	run, err = table.RestartRun(ctx, run)
	if err != nil || run.Cursor != "" || run.Queued != 2 || run.Phase != rollout.Dispatching || run.Changed != 2 {
		t.Errorf("restarted: %+v, error %v", run, err)
	}
	// In a process that knows nothing of it.
	seen, err = table.Seen(ctx, run)
	c.must(err)
	if got := [3]bool{seen.Add("client-1"), seen.Add("client-2"), seen.Add("client-2")}; got != [3]bool{false, true, false} {
		t.Errorf("new are %v, want the one that has no message yet, once", got)
	}
	run, err = table.AdvanceRun(ctx, run, 0, "")
	if err != nil || !run.Complete() || run.Pages != 1 {
		t.Errorf("run %+v, error %v; want it complete", run, err)
	}
}

func TestUpdatesWaitForTransactions(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	table := c.table()
	table.Sleep = noWait
	run := opened(t, table, "r", 0)
	c.simulator.Faults.Add(fault.Target("UpdateItem"), fault.First(3), fault.AWSError(400, "TransactionConflictException", ""))
	if run, err := table.FinishRun(t.Context(), run); err != nil || run.Phase != rollout.Done {
		t.Errorf("run %+v, error %v; want it done", run, err)
	}
	c.simulator.Faults.Add(fault.Target("UpdateItem"), fault.Always(), fault.AWSError(400, "TransactionConflictException", ""))
	if err := table.AnnounceRun(t.Context(), run); err == nil {
		t.Error("a write that every transaction stood in the way of succeeded")
	}
}

func TestNewestRevision(t *testing.T) {
	t.Parallel()
	table := newCloud(t).table()
	ctx := t.Context()
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
		revision, owner, err := table.Advance(ctx, app, step.scope, step.version, step.run)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, answer{revision, owner})
	}
	want := []answer{{1, "a"}, {1, "a"}, {2, "b"}, {1, "c"}, {2, "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("revisions (-want +got):\n%s", diff)
	}
	newest, err := table.Newest(ctx, app, "default.yaml")
	if other, _ := table.Newest(ctx, "another-app", "default.yaml"); newest != 2 || other != 0 || err != nil {
		t.Errorf("newest %d, another app's %d, error %v; want 2 and 0", newest, other, err)
	}
}

func TestClaimKeepsTheFirstVersion(t *testing.T) {
	t.Parallel()
	table := newCloud(t).table()
	var got []string
	for _, claim := range [][2]string{{"r", "v1"}, {"r", "v2"}, {"other", "v2"}} {
		first, err := table.Claim(t.Context(), claim[0], "default.yaml", claim[1])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, first)
	}
	if diff := cmp.Diff([]string{"v1", "v1", "v2"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStopFlag(t *testing.T) {
	t.Parallel()
	table := newCloud(t).table()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	table.Now = func() time.Time { return now }
	ctx := t.Context()
	raise := func(want bool) {
		t.Helper()
		if first, err := table.SetStop(ctx, app, "410 from Bitbucket"); first != want || err != nil {
			t.Errorf("first %v, error %v; want %v", first, err, want)
		}
	}
	look := func(want bool) {
		t.Helper()
		stop, up, err := table.Stopped(ctx, app)
		if up != want || err != nil || up && (stop.Reason != "410 from Bitbucket" || !stop.Since.Equal(now)) {
			t.Errorf("stop %+v, up %v, error %v; want up %v", stop, up, err, want)
		}
	}
	raise(true)
	raise(false)
	look(true)
	now = now.Add(24 * time.Hour)
	look(false) // looked at again after a day, also before DynamoDB removed the item
	raise(true)
	look(true)
	if _, up, _ := table.Stopped(ctx, "another-app"); up {
		t.Error("another app is stopped, too")
	}
}

func TestStopIsToldOnceAlsoWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	table := c.table()
	c.simulator.Faults.Add(fault.Target("UpdateItem"), fault.Once(), fault.ResetAfter())
	if first, err := table.SetStop(t.Context(), app, "gone"); !first || err != nil {
		t.Errorf("first %v, error %v; want the flag raised by us", first, err)
	}
}

func TestErrorsNameTheItemAndHideTheAccount(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	table := c.table()
	c.simulator.Faults.Add(fault.Any(), fault.Always(), fault.AWSError(400, "AccessDeniedException", "arn:aws:iam::111122223333:role/x may not"))
	_, _, err := table.Stopped(t.Context(), app)
	const want = "read stop#example-linker-app from the table: access denied (AccessDeniedException"
	if err == nil || len(err.Error()) < len(want) || err.Error()[:len(want)] != want {
		t.Errorf("error %v, want it to begin with %s", err, want)
	}
}
