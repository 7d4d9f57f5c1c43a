package rollout_test

import (
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/removal"
)

// TestRemovalStore holds the table to what removal.Store promises.
func TestRemovalStore(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table, ctx := c.table(), t.Context()
	now := noon
	table.Now = func() time.Time { return now }
	look := func(want removal.State) {
		t.Helper()
		state, err := table.Removal(ctx, app)
		if err != nil || state.Evidence != want.Evidence || state.Answer != want.Answer || state.IsSuspected() != want.IsSuspected() || state.IsStopped() != want.IsStopped() ||
			max(state.Gone.Unix(), 0) != max(want.Gone.Unix(), 0) || want.IsSuspected() && !state.Since.Equal(want.Since) {
			t.Errorf("state %+v, error %v; want %+v", state, err, want)
		}
	}
	for range 2 { // the second time after it was cleared
		if was, err := table.Clear(ctx, app); was || err != nil {
			t.Errorf("cleared %v, error %v without a suspicion", was, err)
		}
		c.must(table.Suspect(ctx, app, "first"))
		began := now
		now = now.Add(time.Minute)
		c.must(table.Suspect(ctx, app, "second"))
		look(removal.State{Since: began, Evidence: "first"})
		for _, want := range []bool{true, false} {
			if claimed, err := table.ClaimProbe(ctx, app, removal.ProbeLimit); claimed != want || err != nil {
				t.Errorf("claimed %v, error %v; want %v", claimed, err, want)
			}
		}
		c.must(table.NoteProbe(ctx, app, "503", false))
		look(removal.State{Since: began, Evidence: "first", Answer: "503"})
		gone := now
		for range 2 {
			c.must(table.NoteProbe(ctx, app, "410", true))
			now = now.Add(time.Hour)
		}
		look(removal.State{Since: began, Evidence: "first", Answer: "410", Gone: gone})
		for _, want := range []bool{true, false} {
			if first, err := table.Stop(ctx, app); first != want || err != nil {
				t.Errorf("stopped first %v, error %v; want %v", first, err, want)
			}
		}
		look(removal.State{Since: began, Evidence: "first", Answer: "410", Gone: gone, Stopped: now})
		if was, err := table.Clear(ctx, app); !was || err != nil {
			t.Errorf("cleared %v, error %v", was, err)
		}
		look(removal.State{})
		if first, err := table.Stop(ctx, app); first || err != nil {
			t.Errorf("stopped %v, error %v without a suspicion", first, err)
		}
	}
}
