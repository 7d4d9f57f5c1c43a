package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/status"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// maxRuns is the most runs that are listed.
	maxRuns = 50
	// lookEvery is how often something is looked at that comes within seconds.
	lookEvery = 500 * time.Millisecond
)

func newRunsCommand(inv *invocation) *cobra.Command {
	return newGroup("runs", "The deployment's runs: list, show, follow, start.",
		newRunsListCommand(inv), newRunsShowCommand(inv), newRunsFollowCommand(inv), newRunsStartCommand(inv))
}

// tableFlag is of verbs that read runs.
func (inv *invocation) tableFlag(command *cobra.Command) {
	inv.optionFlags(command.Flags(), named("table"))
	required(command, "table")
}

func newRunsListCommand(inv *invocation) *cobra.Command {
	var days int
	command := &cobra.Command{
		Use: "list", Short: "List the runs of the last days, the newest first.", Args: takes(),
		Example: "  linkersync runs list --days 30",
		RunE:    inv.verb(func([]string) error { return inv.listRuns(days) }),
	}
	inv.tableFlag(command)
	command.Flags().IntVar(&days, "days", 7, "How many days back. The table keeps 30.")
	return command
}

func (inv *invocation) listRuns(days int) error {
	table, err := inv.deployment()
	if err != nil {
		return err
	}
	runs, err := table.Runs(inv.ctx, inv.session.AppKey(), inv.process.Now().AddDate(0, 0, -days), maxRuns)
	if err != nil {
		return err
	}
	for i, run := range runs {
		if err := inv.print(runView(run), func(w io.Writer) {
			if i == 0 {
				_, _ = fmt.Fprintf(w, "%-36s  %-16s  %s\n", "RUN", "STARTED", "OUTCOME")
			}
			_, _ = fmt.Fprintf(w, "%-36s  %-16s  %s\n", run.ID, run.Started.UTC().Format("2006-01-02 15:04"), briefly(run))
		}); err != nil {
			return err
		}
	}
	return inv.done("%s in the last %s", platform.Counted(len(runs), "run"), platform.Counted(days, "day"))
}

// runView is a run as people and scripts see it.
func runView(run rollout.Run) status.Run {
	return status.Run{
		ID: run.ID, Started: run.Started, Ended: run.Ended, Phase: string(run.Phase), Total: max(run.Total, run.Queued),
		Changed: run.Changed, Unchanged: run.Unchanged, Failed: run.Failed, Skipped: run.Skipped,
		Added: run.Added, Removed: run.Removed, Refused: run.Refused, Note: run.Note,
	}
}

// briefly is how a run stands, in at most 22 columns.
func briefly(run rollout.Run) string {
	total := max(run.Total, run.Queued)
	switch {
	case run.Refused != "":
		return "refused"
	case run.Phase != rollout.Done:
		return fmt.Sprintf("%d of %d so far", run.Reported(), total)
	case run.Failed > 0:
		return fmt.Sprintf("%d of %d failed", run.Failed, total)
	}
	return fmt.Sprintf("%d done", total)
}

func newRunsShowCommand(inv *invocation) *cobra.Command {
	command := &cobra.Command{
		Use: "show [RUN]", Short: "Show one run, and the workspaces that failed in it. Without RUN, the newest.", Args: atMostOne("RUN"),
		Example: "  linkersync runs show",
		RunE:    inv.verb(func(args []string) error { return inv.showRun(args) }),
	}
	inv.tableFlag(command)
	return command
}

// shownRun is a run with the workspaces that failed.
type shownRun struct {
	status.Run
	FailedIn []failedIn `json:"failed_in"`
}

type failedIn struct {
	ClientKey string `json:"client_key"`
	Workspace string `json:"workspace,omitempty"`
}

func (inv *invocation) showRun(args []string) error {
	table, run, err := inv.run(args)
	if err != nil {
		return err
	}
	shown := shownRun{Run: runView(run), FailedIn: []failedIn{}}
	if run.Failed > 0 && run.Refused == "" {
		if shown.FailedIn, err = inv.failedIn(table, run.ID); err != nil {
			return err
		}
	}
	return inv.print(shown, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "run        %s\nphase      %s\nstarted    %s\nended      %s\n", run.ID, run.Phase, stamp(run.Started), stamp(run.Ended))
		_, _ = fmt.Fprintf(w, "workspaces %d: %d changed, %d unchanged, %d failed, %d skipped\nvalues     %d added, %d removed\n",
			shown.Total, run.Changed, run.Unchanged, run.Failed, run.Skipped, run.Added, run.Removed)
		for _, text := range []string{run.Refused, run.Note} {
			if text != "" {
				_, _ = fmt.Fprintln(w, platform.Wrap(platform.Printable(text), 80))
			}
		}
		for _, failed := range shown.FailedIn {
			_, _ = fmt.Fprintf(w, "failed in  %s\n", platform.Printable(failed.Workspace+"  "+failed.ClientKey))
		}
		if len(shown.FailedIn) > 0 {
			_, _ = fmt.Fprintln(w, "\"linkersync deadletters list\" has the reasons.")
		}
	})
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// run finds the run that is named, or the newest of the last month.
func (inv *invocation) run(args []string) (*rollout.Table, rollout.Run, error) {
	table, err := inv.deployment()
	if err != nil {
		return nil, rollout.Run{}, err
	}
	if len(args) > 0 {
		run, err := table.Run(inv.ctx, args[0])
		if errors.Is(err, rollout.ErrNoRun) {
			err = fmt.Errorf("%w; \"linkersync runs list\" shows the runs, and the table keeps them for 30 days", err)
		}
		return table, run, err
	}
	runs, err := table.Runs(inv.ctx, inv.session.AppKey(), inv.process.Now().AddDate(0, -1, 0), 1)
	if err == nil && len(runs) == 0 {
		err = errors.New("there was no run in the last month: \"linkersync push\" or \"linkersync runs start\" begins one")
	}
	if err != nil {
		return nil, rollout.Run{}, err
	}
	return table, runs[0], nil
}

// failedIn asks the store who is behind the failures of a run.
func (inv *invocation) failedIn(table *rollout.Table, id string) ([]failedIn, error) {
	outcomes, err := table.Outcomes(inv.ctx, id)
	if err != nil {
		return nil, err
	}
	store, err := inv.session.Store(inv.ctx)
	if err != nil {
		return nil, err
	}
	failed := []failedIn{}
	for in, err := range store.All(inv.ctx, installation.Query{}) {
		if err != nil {
			return nil, err
		}
		if outcome, _ := outcomes.Of(in.ClientKey); outcome == rollout.Failed {
			failed = append(failed, failedIn{ClientKey: in.ClientKey, Workspace: string(in.Principal.UUID)})
		}
	}
	return failed, nil
}

func newRunsFollowCommand(inv *invocation) *cobra.Command {
	command := &cobra.Command{
		Use: "follow [RUN]", Short: "Show a run as it goes, until it has ended. Without RUN, the newest.", Args: atMostOne("RUN"),
		Long:    "It fails when an installation did. It waits for --timeout at most; the run goes on without it.",
		Example: "  linkersync runs follow --timeout 1h",
		RunE: inv.verb(func(args []string) error {
			table, run, err := inv.run(args)
			if err != nil {
				return err
			}
			return inv.followRun(table, run.ID)
		}),
	}
	inv.tableFlag(command)
	return command
}

// followRun prints a line each time that the run has moved, and ends as the run does.
func (inv *invocation) followRun(table *rollout.Table, id string) error {
	var last rollout.Run
	err := table.Follow(inv.ctx, id, func(run rollout.Run) error {
		if run == last {
			return nil
		}
		last = run
		if !inv.json {
			_, _ = fmt.Fprintf(inv.process.Stdout, "%s: %d of %d done: %d changed, %d unchanged, %d failed, %d skipped\n",
				run.Phase, run.Reported(), max(run.Total, run.Queued), run.Changed, run.Unchanged, run.Failed, run.Skipped)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("run %s has not ended, and goes on without this command: %w", id, err)
	}
	if inv.json {
		if err := inv.print(runView(last), nil); err != nil {
			return err
		}
	}
	switch {
	case last.Refused != "":
		return fmt.Errorf("run %s was refused: %s", id, last.Refused)
	case last.Failed > 0:
		return fmt.Errorf("run %s: %d of %s failed; \"linkersync deadletters list\" has the reasons", id, last.Failed, platform.Counted(last.Total, "installation"))
	}
	return inv.done("Run %s: %s, %d changed, %d values added, %d removed.", id, platform.Counted(last.Total, "installation"), last.Changed, last.Added, last.Removed)
}

func newRunsStartCommand(inv *invocation) *cobra.Command {
	var follow bool
	command := &cobra.Command{
		Use: "start", Short: "Apply what is in the deployment's bucket again.", Args: takes(),
		Long: "With --allow-prune the run may delete more than half of a linker's values. The yes counts for the manifest that is stored now.",
		Example: `  linkersync runs start --follow
  linkersync runs start --installation UUID --allow-prune`,
	}
	inv.optionFlags(command.Flags(), named("bus", "prune", "table"))
	installationFlag(command, &inv.options.Installation, "`all|UUID`: every workspace, or one. Without it, all.")
	command.Flags().BoolVar(&follow, "follow", false, "Wait for the run. It needs --table.")
	command.RunE = inv.verb(func([]string) error { return inv.startRun(follow) })
	return command
}

func (inv *invocation) startRun(follow bool) error {
	scope, err := inv.scope()
	if err != nil {
		return err
	}
	change := rollout.Change{App: inv.session.AppKey()}
	if scope != rollout.DefaultScope {
		change.Installations = []string{inv.options.Installation}
	}
	if inv.options.Prune {
		change.AllowPrune, change.Location = true, &rollout.Location{Key: scope}
	}
	bus, err := inv.session.Bus(inv.ctx)
	if err != nil {
		return err
	}
	id, err := rollout.Send(inv.ctx, bus, rollout.DetailChanged, change)
	if err != nil {
		return err
	}
	if !follow {
		return inv.done("Run %s is asked for; \"linkersync runs follow %s\" shows it.", id, id)
	}
	table, err := inv.deployment()
	if err != nil {
		return err
	}
	return inv.followRun(table, id)
}

// atMostOne is the check of one argument that may be left out.
func atMostOne(name string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return takes(name)(command, args)
	}
}
