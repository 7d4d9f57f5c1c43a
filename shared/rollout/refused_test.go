package rollout_test

import (
	"context"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/rollout"
)

// step is one operation on what the ones before it left behind.
type step func(ctx context.Context, s *shelf) error

// shelf is everything that operations work on.
type shelf struct {
	table   *rollout.Table
	desired rollout.Desired
	bus     rollout.Bus
	run     rollout.Run
	state   rollout.State
}

func open(ctx context.Context, s *shelf) (err error) {
	s.run, err = s.table.OpenRun(ctx, "r", app)
	return err
}

// move leaves s.run as it was, so that a second one finds its own write.
func move(ctx context.Context, s *shelf) error {
	_, err := s.table.AdvanceRun(ctx, s.run, 2, "page 2")
	return err
}

func look(ctx context.Context, s *shelf) (err error) {
	s.run, err = s.table.Run(ctx, "r")
	return err
}

func complete(ctx context.Context, s *shelf) (err error) {
	if s.run, err = s.table.AdvanceRun(ctx, s.run, 0, ""); err != nil {
		return err
	}
	_, err = s.table.AdvanceRun(ctx, s.run, 0, "")
	return err
}

func restart(ctx context.Context, s *shelf) error {
	_, err := s.table.RestartRun(ctx, s.run)
	return err
}

func refuse(ctx context.Context, s *shelf) error {
	_, err := s.table.RefuseRun(ctx, "r", app, "why")
	return err
}

func end(ctx context.Context, s *shelf) error {
	_, err := s.table.EndRun(ctx, s.run, "why")
	return err
}

func finish(ctx context.Context, s *shelf) error {
	_, err := s.table.FinishRun(ctx, s.run)
	return err
}

func settle(ctx context.Context, s *shelf) error {
	_, _, err := rollout.Settle(ctx, s.table, s.bus, s.run)
	return err
}

func report(from, count int) step {
	return func(ctx context.Context, s *shelf) error {
		_, err := s.table.Report(ctx, "r", outcomes(from, count, rollout.Changed))
		return err
	}
}

func record(ctx context.Context, s *shelf) error {
	seen, err := s.table.Seen(ctx, s.run)
	if err != nil {
		return err
	}
	return seen.Record(ctx, s.run, []string{"client-0"})
}

func advance(ctx context.Context, s *shelf) error {
	_, _, err := s.table.Advance(ctx, app, rollout.DefaultScope, "v1", "r")
	return err
}

func claim(ctx context.Context, s *shelf) error {
	_, err := s.table.Claim(ctx, "r", rollout.DefaultScope, "v1")
	return err
}

func stop(ctx context.Context, s *shelf) error {
	_, err := s.table.SetStop(ctx, app, "gone")
	return err
}

func keep(scope, value string) step {
	return func(ctx context.Context, s *shelf) error {
		_, _, err := s.desired.Keep(ctx, s.table, rollout.Origin{Run: "r", At: noon}, scope, manifestOf(value))
		return err
	}
}

func own(ctx context.Context, s *shelf) (err error) {
	s.state, _, err = s.desired.Own(ctx, workspace)
	return err
}

func byDefault(ctx context.Context, s *shelf) (err error) {
	s.state, err = s.desired.Default(ctx)
	return err
}

func current(ctx context.Context, s *shelf) error {
	_, err := s.desired.Current(ctx, workspace, s.state)
	return err
}

// TestACallThatIsRefusedIsAnError, whichever it is of those that the last step makes:
// what isn't known to be written or read must not count as if it were. The number of
// calls is what the step costs, in every run of every installation.
func TestACallThatIsRefusedIsAnError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		calls int
		steps []step
	}{
		"open a run":                     {2, []step{open}},
		"open it again":                  {2, []step{open, open}},
		"read it":                        {1, []step{open, look}},
		"move it":                        {1, []step{open, move}},
		"move it, when it was moved":     {2, []step{open, move, move}},
		"start over":                     {1, []step{open, restart}},
		"start over, when it was moved":  {2, []step{open, move, look, restart, restart}},
		"refuse one that isn't there":    {2, []step{refuse}},
		"refuse one that was begun":      {3, []step{open, refuse}},
		"refuse it again":                {2, []step{open, refuse, refuse}},
		"end it":                         {1, []step{open, end}},
		"end it again":                   {2, []step{open, end, end}},
		"note something":                 {1, []step{open, func(ctx context.Context, s *shelf) error { return s.table.NoteRun(ctx, s.run, "late") }}},
		"finish it":                      {1, []step{open, complete, look, finish}},
		"finish it again":                {2, []step{open, complete, look, finish, finish}},
		"announce it":                    {1, []step{open, func(ctx context.Context, s *shelf) error { return s.table.AnnounceRun(ctx, s.run) }}},
		"settle it":                      {3, []step{open, complete, look, settle}},
		"settle it, by who is late":      {2, []step{open, complete, look, settle, settle}},
		"settle it, after all":           {0, []step{open, complete, look, settle, look, settle}},
		"settle what isn't complete":     {0, []step{open, settle}},
		"report":                         {2, []step{open, report(0, 2)}},
		"report again":                   {2, []step{open, report(0, 1), report(0, 1)}},
		"report, in part again":          {4, []step{open, report(0, 1), report(0, 2)}},
		"record a page":                  {1, []step{open, record}},
		"read a page":                    {2, []step{open, record, move, look, record}},
		"a new version":                  {1, []step{advance}},
		"the same version":               {2, []step{advance, advance}},
		"the newest revision":            {1, []step{func(ctx context.Context, s *shelf) error { _, err := s.table.Newest(ctx, app, "x"); return err }}},
		"claim":                          {1, []step{claim}},
		"claim again":                    {2, []step{claim, claim}},
		"raise the stop flag":            {1, []step{stop}},
		"raise it again":                 {2, []step{stop, stop}},
		"look at the stop flag":          {1, []step{func(ctx context.Context, s *shelf) error { _, _, err := s.table.Stopped(ctx, app); return err }}},
		"keep a manifest":                {4, []step{keep(rollout.DefaultScope, "ONE")}},
		"keep it again":                  {2, []step{keep(rollout.DefaultScope, "ONE"), keep(rollout.DefaultScope, "ONE")}},
		"a workspace's own manifest":     {1, []step{keep(rollout.WorkspaceScope(workspace), "ONE"), own}},
		"one that it doesn't have":       {1, []step{own}},
		"the default manifest":           {1, []step{keep(rollout.DefaultScope, "ONE"), byDefault}},
		"is its own one current":         {1, []step{keep(rollout.WorkspaceScope(workspace), "ONE"), own, current}},
		"is the default one current":     {2, []step{keep(rollout.DefaultScope, "ONE"), byDefault, current}},
		"is one that is gone current":    {1, []step{func(_ context.Context, s *shelf) error { s.state.Scope = rollout.WorkspaceScope(workspace); return nil }, current}},
		"send more than a call can take": {2, []step{func(ctx context.Context, s *shelf) error { return send(ctx, s.bus, 11) }}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for refused := 1; refused <= test.calls+1; refused++ {
				c := simulated(t)
				s := &shelf{table: c.table(), desired: c.desired(), bus: c.bus()}
				last := len(test.steps) - 1
				for _, before := range test.steps[:last] {
					c.must(before(t.Context(), s))
				}
				rule := c.simulator.Faults.Add(fault.Any(), fault.Nth(refused), fault.AWSError(403, "AccessDeniedException", ""))
				err := test.steps[last](t.Context(), s)
				if met := rule.Fired() > 0; met != (refused <= test.calls) || met != (err != nil) {
					t.Errorf("call %d of %d was refused: %v, error %v", refused, test.calls, met, err)
				}
			}
		})
	}
}

func send(ctx context.Context, bus rollout.Bus, count int) error {
	_, err := rollout.Send(ctx, bus, rollout.DetailApplied, make([]rollout.Applied, count)...)
	return err
}
