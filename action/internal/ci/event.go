package ci

import (
	"context"
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/rollout"
)

// patience is how many polls pass, about a minute, before somebody is told that nobody
// has taken the event: dispatch opens the run within seconds.
const patience = 22

// event hands the manifest to the deployment and waits for the run: CI holds no
// Bitbucket secret at all.
func (s *step) event(ctx context.Context, desired manifest.Manifest) error {
	change, err := s.change(desired)
	if err != nil {
		return err
	}
	if count := len(desired.Connections) + len(desired.Syncs); count > 0 {
		note := fmt.Sprintf("via: event applies linkers only, so the connections and syncs of %s (%d) were not looked at: apply them in a step of its own with command: connections", desired.Path, count)
		s.platform.Annotate(platform.Annotation{Level: platform.Warning, Title: "connections are left out", Message: note})
		s.report.Notes = append(s.report.Notes, note)
	}
	bus, table, err := s.deployment(ctx)
	if err != nil {
		return err
	}
	id, err := rollout.Send(ctx, bus, rollout.DetailChanged, change)
	if errors.Is(err, rollout.ErrTooLarge) {
		return fmt.Errorf("%w; put it into the deployment's bucket as %s instead, its values listed in it, see docs/operate.md", err, s.scope())
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "event %s is on the bus %s; waiting for its run\n", id, s.config.Bus)
	run, err := s.wait(ctx, table, id)
	if run.Refused != "" {
		return fmt.Errorf("the change was refused: %s", run.Refused)
	}
	if run.Note != "" {
		s.platform.Annotate(platform.Annotation{Level: platform.Warning, Title: "not as sent", Message: "run " + run.ID + ": " + run.Note})
		s.report.Notes = append(s.report.Notes, run.Note)
	}
	if run.Phase != "" {
		s.report.Run = &run
	}
	if err == nil && run.Failed > 0 {
		return fmt.Errorf("run %s: %d of %d installations failed; the reasons are in the dead-letter queue and in the events \"Linker Values Applied\"", run.ID, run.Failed, run.Total)
	}
	return err
}

// scope is the object of the bucket that the change is written to.
func (s *step) scope() string {
	if s.config.Installation == apply.All {
		return rollout.DefaultScope
	}
	return rollout.WorkspaceScope(s.config.Installation)
}

// change is what goes onto the bus. It replaces what was desired before, so that one
// without linkers, of a manifest that has only connections, would end all upkeep.
func (s *step) change(desired manifest.Manifest) (rollout.Change, error) {
	if len(desired.Linkers) == 0 {
		return rollout.Change{}, fmt.Errorf("via: event applies linkers, and %s has none: list them, or apply connections with command: connections and without via: event", desired.Path)
	}
	encoded, err := manifest.Encode(manifest.Manifest{App: desired.App, Linkers: desired.Linkers})
	if err != nil {
		return rollout.Change{}, err
	}
	change := rollout.Change{App: s.session.AppKey(), Manifest: string(encoded), AllowPrune: s.config.Prune}
	if s.config.Installation == apply.All {
		return change, nil
	}
	change.Installations = []string{s.config.Installation}
	if err := rollout.CheckInstallations(change.Installations); err != nil {
		return change, fmt.Errorf("installation: via: event takes all or a workspace's UUID: %w", err)
	}
	return change, nil
}

// deployment reaches the bus and the table.
func (s *step) deployment(ctx context.Context) (rollout.Bus, *rollout.Table, error) {
	bus, err := s.session.Bus(ctx)
	if err != nil {
		return bus, nil, err
	}
	table, err := s.session.Table(ctx)
	return bus, table, err
}

// wait follows the run until it is done or refused, and prints it when it moves. The run
// has no phase when none began.
func (s *step) wait(ctx context.Context, table *rollout.Table, id string) (rollout.Run, error) {
	last, polls := rollout.Run{ID: id}, 0
	err := table.Follow(ctx, id, func(run rollout.Run) error {
		if polls++; polls == patience {
			if err := s.isSlow(ctx, table, run, id); err != nil {
				return err
			}
		}
		if run.Phase == "" || run == last {
			return nil
		}
		last = run
		if run.Refused != "" {
			return errRefused
		}
		_, _ = fmt.Fprintf(s.out, "%s: %d of %d done: %d changed, %d unchanged, %d failed, %d skipped; %d values added, %d removed\n",
			run.Phase, run.Reported(), max(run.Queued, run.Total), run.Changed, run.Unchanged, run.Failed, run.Skipped, run.Added, run.Removed)
		return nil
	})
	switch {
	case err == nil, errors.Is(err, errRefused):
		return last, nil
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return last, fmt.Errorf("run %s %s (%w)", id, s.whereItIs(last), err)
	}
	return last, err
}

var errRefused = errors.New("the run was refused")

// isSlow tells what is known of a run that isn't done after a minute.
func (s *step) isSlow(ctx context.Context, table *rollout.Table, run rollout.Run, id string) error {
	if run.Phase == "" {
		s.platform.Annotate(platform.Annotation{Level: platform.Warning, Title: "no run yet", Message: "run " + id + " " + s.whereItIs(run)})
		return nil
	}
	return s.waiting(ctx, table)
}

// whereItIs says what is known of a run that isn't done, and what to look at.
func (s *step) whereItIs(run rollout.Run) string {
	switch run.Phase {
	case "":
		return fmt.Sprintf("has not begun, as nobody has taken the event: is %q the bus of the stack whose table is %q, and is its rule enabled? Otherwise the log of its dispatch function, or its queue EventDeadLetters, has the reason", s.config.Bus, s.config.Table)
	case rollout.Dispatching:
		return "is not done yet: its messages are still being queued; when that doesn't go on, the event is in the stack's queue EventDeadLetters, with the reason"
	}
	return "is not done yet: it goes on without this step, see docs/operate.md"
}

// waiting warns when the deployment waits for Bitbucket's linker endpoints, or is stopped.
func (s *step) waiting(ctx context.Context, table *rollout.Table) error {
	state, err := table.Removal(ctx, s.session.AppKey())
	if err == nil && (state.IsSuspected() || state.IsStopped()) {
		s.platform.Annotate(platform.Annotation{Level: platform.Warning, Title: "linker updates wait", Message: state.String()})
	}
	return err
}
