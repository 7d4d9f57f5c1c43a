package step

import (
	"context"
	"errors"
	"fmt"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/linkersync/linkersync/action/internal/runner"
	"github.com/linkersync/linkersync/action/internal/summary"
	"github.com/linkersync/linkersync/shared/awsjson"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/rollout"
)

// callTimeout bounds one call to the bus or the table.
const callTimeout = 30 * time.Second

// pollEvery is how often the run's progress is read: one read of a table, twelve a
// minute, for the minutes that a run takes.
const pollEvery = 5 * time.Second

// firstPolls are quicker, because a run over one workspace takes a second.
const firstPolls = 10

// event hands the manifest to the deployment and waits for the run: CI holds no
// Bitbucket secret at all.
func (s *step) event(ctx context.Context, desired manifest.Manifest) error {
	change, err := s.change(desired)
	if err != nil {
		return err
	}
	bus, table, err := s.deployment(ctx)
	if err != nil {
		return err
	}
	ids, err := rollout.Send(ctx, bus, rollout.DetailChanged, change)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "event %s is on the bus %s; waiting for its run\n", ids[0], s.config.Bus)
	run, err := s.wait(ctx, table, ids[0])
	if run.Phase != "" {
		s.report.Run = &run
	}
	if err != nil {
		return err
	}
	if run.Failed > 0 {
		s.report.Problems = append(s.report.Problems, summary.Problem{
			Subject: "run " + run.ID, Text: fmt.Sprintf("%d of %d installations failed; the reasons are in the dead-letter queue and in the events \"Linker Values Applied\"", run.Failed, run.Total),
		})
		return ErrFailed
	}
	return nil
}

// change is what goes onto the bus.
func (s *step) change(desired manifest.Manifest) (rollout.Change, error) {
	encoded, err := manifest.Encode(manifest.Manifest{App: desired.App, Linkers: desired.Linkers})
	if err != nil {
		return rollout.Change{}, err
	}
	change := rollout.Change{App: s.session.AppKey(), Manifest: string(encoded)}
	if s.config.Installation == runner.All {
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
	aws, err := s.session.AWS(ctx)
	if err != nil {
		return rollout.Bus{}, nil, err
	}
	if aws.HTTPClient == nil {
		// The SDK's own services make one each; the small clients use the configuration's.
		aws.HTTPClient = awshttp.NewBuildableClient().WithTimeout(callTimeout)
	}
	return rollout.Bus{EventBridge: awsjson.New(aws, awsjson.EventBridge), Name: s.config.Bus},
		&rollout.Table{DynamoDB: awsjson.New(aws, awsjson.DynamoDB), Name: s.config.Table}, nil
}

// wait reads the run's progress until it is done, and prints it when it moves.
func (s *step) wait(ctx context.Context, table *rollout.Table, id string) (rollout.Run, error) {
	last := rollout.Run{ID: id}
	for poll := 0; ; poll++ {
		run, err := table.Run(ctx, id)
		if errors.Is(err, rollout.ErrNoRun) {
			err = s.stopped(ctx, table)
		}
		if err != nil {
			return last, err
		}
		if run.ID != "" && run != last {
			_, _ = fmt.Fprintf(s.out, "%s: %d of %d done: %d changed, %d unchanged, %d failed, %d skipped\n",
				run.Phase, run.Reported(), max(run.Queued, run.Total), run.Changed, run.Unchanged, run.Failed, run.Skipped)
			last = run
		}
		if run.Phase == rollout.Done {
			return run, nil
		}
		if err := sleep(ctx, poll); err != nil {
			return last, fmt.Errorf("run %s is not done yet (%w); it goes on without this step, see docs/operate.md", id, err)
		}
	}
}

// stopped returns an error when the deployment takes no changes: then no run begins.
func (s *step) stopped(ctx context.Context, table *rollout.Table) error {
	stop, up, err := table.Stopped(ctx, s.session.AppKey())
	if err != nil || !up {
		return err
	}
	return fmt.Errorf("the deployment takes no changes now, because %s; docs/operate.md says what to do", stop.Reason)
}

func sleep(ctx context.Context, poll int) error {
	pause := pollEvery
	if poll < firstPolls {
		pause = pollEvery / 10
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
