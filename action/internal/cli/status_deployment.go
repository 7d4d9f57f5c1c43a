package cli

import (
	"context"
	"errors"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/status"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// statusDays is how far back runs are shown.
	statusDays = 7
	// outcomesOf is how many of the newest runs are asked for a workspace's outcome.
	outcomesOf = 5
)

// statusOfDeployment looks at the runs, the dead letters and the stop, as far as the
// options name the deployment's parts.
func (inv *invocation) statusOfDeployment(ctx context.Context, report *status.Report) error {
	return errors.Join(inv.statusOfRuns(ctx, report), inv.statusOfLetters(ctx, report))
}

func (inv *invocation) statusOfRuns(ctx context.Context, report *status.Report) error {
	if inv.options.Table == "" || report.App == "" {
		return nil
	}
	table, err := inv.session.Table(ctx)
	if err != nil {
		return err
	}
	state, err := table.Removal(ctx, report.App)
	switch {
	case err != nil:
		return err
	case state.IsStopped():
		report.Endpoints = status.Endpoints{Health: status.Failed, Detail: "linker updates are " + platform.Printable(state.String())}
	case state.IsSuspected():
		report.Endpoints = status.Endpoints{Health: status.Attention, Detail: "linker updates are " + platform.Printable(state.String())}
	}
	runs, err := table.Runs(ctx, report.App, report.At.AddDate(0, 0, -statusDays), maxRuns)
	if err != nil {
		return err
	}
	for _, run := range runs {
		report.Runs = append(report.Runs, runView(run))
	}
	return outcomesIn(ctx, table, runs, report.Installations)
}

// outcomesIn finds for each installation the newest run that has an outcome for it.
func outcomesIn(ctx context.Context, table *rollout.Table, runs []rollout.Run, installations []status.Installation) error {
	missing := len(installations)
	for _, run := range runs[:min(len(runs), outcomesOf)] {
		if missing == 0 {
			return nil
		}
		outcomes, err := table.Outcomes(ctx, run.ID)
		if err != nil {
			return err
		}
		for i := range installations {
			in := &installations[i]
			if outcome, _ := outcomes.Of(in.ClientKey); outcome != "" && in.Outcome == "" {
				in.LastRun, in.Outcome = run.ID, string(outcome)
				missing--
			}
		}
	}
	return nil
}

func (inv *invocation) statusOfLetters(ctx context.Context, report *status.Report) error {
	if inv.options.DeadLettersURL == "" && inv.options.EventDeadLettersURL == "" {
		return nil
	}
	queues, err := inv.session.DeadLetters(ctx)
	if err != nil {
		return err
	}
	report.DeadLetters = map[string]int{}
	for name, letters := range queues {
		if report.DeadLetters[name], err = letters.Count(ctx); err != nil {
			return err
		}
	}
	return nil
}

// usersOf lists what is known to use a connection. "connections show" says what could not
// be read.
func usersOf(ctx context.Context, survey *reconcile.Survey, id, projectID string) (users []status.User) {
	usage := survey.All(ctx, infisical.Connection{ID: id, ProjectID: projectID})
	for _, sync := range usage.Syncs {
		user := status.User{Kind: "sync", Name: platform.Printable(sync.Name), Repository: sync.Workspace + "/" + sync.Repository, Health: status.OK}
		if sync.Failed() {
			user.Health, user.Detail = status.Failed, platform.Printable(sync.Message)
		}
		users = append(users, user)
	}
	for _, source := range usage.Sources {
		users = append(users, status.User{Kind: "scan", Name: platform.Printable(source.Name), Health: status.OK})
	}
	return users
}
