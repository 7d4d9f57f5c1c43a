package rollout_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/rollout"
)

// TestRunsAreListedAndFollowed: a list has all that a run is known by, and the outcomes of
// a run under way.
func TestRunsAreListedAndFollowed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table, bus := c.table(), c.bus()
	for i, id := range []string{"old", "refused", "done", "under way"} {
		table.Now = func() time.Time { return noon.Add(time.Duration(i) * time.Hour) }
		if id == "refused" {
			_, err := table.RefuseRun(t.Context(), id, app, "no linkers")
			c.must(err)
			continue
		}
		_, messages := opened(t, table, id, 2)
		_, err := table.Report(t.Context(), messages[0], rollout.Result{Outcome: rollout.Changed, Added: 3})
		c.must(err)
		if id == "under way" {
			break
		}
		run, err := table.Report(t.Context(), messages[1], rollout.Result{Outcome: rollout.Failed})
		c.must(err)
		_, _, err = rollout.Announce(t.Context(), table, bus, run)
		c.must(err)
	}
	runs, err := table.Runs(t.Context(), app, noon.Add(time.Minute), 10)
	c.must(err)
	var got []string
	for _, run := range runs {
		got = append(got, run.ID)
	}
	if diff := cmp.Diff([]string{"under way", "done", "refused"}, got); diff != "" {
		t.Fatalf("runs (-want +got):\n%s", diff)
	}
	if runs[0].Changed != 1 || runs[0].Added != 3 || runs[0].Complete() {
		t.Errorf("the outcomes so far: %+v", runs[0])
	}
	whole, err := table.Run(t.Context(), "done")
	c.must(err)
	runs[1].Cursor, runs[1].Announced = whole.Cursor, whole.Announced
	if diff := cmp.Diff(whole, runs[1]); diff != "" || runs[2].Refused != "no linkers" {
		t.Errorf("refused %q; the done run in the list (-whole +listed):\n%s", runs[2].Refused, diff)
	}
	if runs, err := table.Runs(t.Context(), app, noon, 1); err != nil || len(runs) != 1 {
		t.Errorf("at most one: %d runs, %v", len(runs), err)
	}

	outcomes, err := table.Outcomes(t.Context(), "under way")
	c.must(err)
	for clientKey, want := range map[string]rollout.Outcome{"client-0": rollout.Changed, "client-1": ""} {
		if outcome, part := outcomes.Of(clientKey); outcome != want || !part {
			t.Errorf("%s: %q, %v", clientKey, outcome, part)
		}
	}
	if _, part := outcomes.Of("client-2"); part {
		t.Error("the run has an installation that it doesn't have")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var phases []rollout.Phase
	look := func(run rollout.Run) error { phases = append(phases, run.Phase); cancel(); return nil }
	c.must(table.Follow(t.Context(), "done", look))
	if err := table.Follow(ctx, "nobody", look); !errors.Is(err, context.Canceled) || !slices.Equal(phases, []rollout.Phase{rollout.Done}) {
		t.Errorf("%v, %v", err, phases)
	}
}
