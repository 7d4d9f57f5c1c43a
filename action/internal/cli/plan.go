package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// manifestFlags are what plan and apply share.
func (inv *invocation) manifestFlags(command *cobra.Command, quiet *bool) {
	inv.optionFlags(command.Flags(), named("file", "installation", "parallel"))
	command.Flags().Lookup("file").Shorthand = "f"
	inv.optionFlags(command.Flags(), ofInfisical)
	command.Flags().BoolVarP(quiet, "quiet", "q", false, "Show only changes and failures.")
	command.Flags().BoolVar(&inv.all, "all", false, "Show every value and every workspace.")
}

func newPlanCommand(inv *invocation) *cobra.Command {
	var exitCode, quiet, unchecked bool
	command := &cobra.Command{
		Use: "plan", Short: "Show what apply would change, and change nothing.", Args: takes(),
		Long: "It reads what is there, and checks files, credentials and tokens as apply does before its first write.",
		Example: `  linkersync plan --installation all
  linkersync plan -f production.yaml --installation UUID --exit-code
  linkersync plan --installation all --json | jq .summary.sentence`,
	}
	inv.manifestFlags(command, &quiet)
	command.Flags().BoolVar(&exitCode, "exit-code", false, "End with exit code 3 when there is something to change.")
	uncheckedFlag(command, &unchecked)
	command.RunE = inv.verb(func([]string) error {
		sum, err := inv.runManifest(setup.Work{CheckTokens: !unchecked}, quiet, false)
		if err == nil && exitCode && sum.Changed {
			return errChanges
		}
		return err
	})
	return command
}

func newApplyCommand(inv *invocation) *cobra.Command {
	var quiet, unchecked, adopt, yes bool
	command := &cobra.Command{
		Use: "apply", Short: "Bring linker values, connections and syncs to what the manifest says.", Args: takes(),
		Long: "It checks files, credentials and tokens before its first write, changes what differs, and reads again to be sure. Running it twice changes nothing the second time.",
		Example: `  linkersync apply --installation all
  linkersync apply --installation UUID --allow-prune`,
	}
	inv.manifestFlags(command, &quiet)
	inv.optionFlags(command.Flags(), named("prune", "allow_sync_risks"))
	uncheckedFlag(command, &unchecked)
	adoptFlag(command, &adopt)
	command.Flags().BoolVar(&yes, "yes", false, "Yes, write to every workspace; don't ask on a terminal.")
	command.RunE = inv.verb(func([]string) error {
		_, err := inv.runManifest(setup.Work{Apply: true, CheckTokens: !unchecked, Adopt: adopt, Say: inv.say}, quiet, yes)
		return err
	})
	return command
}

// runManifest takes the manifest through the one flow and hands on each part as it comes.
func (inv *invocation) runManifest(work setup.Work, quiet, yes bool) (total reconcile.Summary, err error) {
	desired, err := inv.session.Load(inv.ctx, inv.options.File, inv.process.Stdin)
	if err != nil {
		return total, wrongManifest(err)
	}
	if len(desired.Linkers)+len(desired.Connections)+len(desired.Syncs) == 0 {
		inv.sum(total, "%s has no linkers, connections or syncs: there is nothing to do.", desired.Path)
		return total, nil
	}
	out := newParts(inv, desired.Path, quiet, work.Apply)
	if len(desired.Linkers) > 0 {
		if err := inv.beginFleet(work.Apply, yes); err != nil {
			return total, err
		}
		out.fleet = inv.options.Installation == apply.All
	}
	work.Log = inv.log
	err = inv.session.Run(inv.ctx, desired, work, out.show)
	out.close(err)
	if err != nil {
		return out.total, wrongManifest(err)
	}
	return out.total, inv.reported()
}

// beginFleet counts the workspaces when a terminal is there, begins the bar, and asks
// before several of them are written to.
func (inv *invocation) beginFleet(writes, yes bool) error {
	workspaces := 1
	if inv.options.Installation == apply.All && inv.errTerminal {
		counted, err := inv.session.Count(inv.ctx)
		if err != nil {
			return err
		}
		workspaces = counted
	}
	if writes && !yes && workspaces > 1 {
		if err := inv.confirm(fmt.Sprintf("This writes to %d workspaces. \"linkersync plan\" shows what would change.", workspaces)); err != nil {
			return err
		}
	}
	inv.progress("workspaces", func() (int, error) { return workspaces, nil })
	return nil
}

// wrongManifest makes the wrong use of the command out of a file with problems, and out
// of options that don't fit it.
func wrongManifest(err error) error {
	if _, is := errors.AsType[setup.UseError](err); is {
		return usageError{message: err.Error(), cause: err}
	}
	if _, is := errors.AsType[manifest.Problems](err); is {
		return usageError{message: "the manifest has problems, nothing was called:\n" + err.Error(), cause: err}
	}
	return err
}

// parts hands on a pass as it goes, and counts it.
type parts struct {
	inv  *invocation
	path string
	// quiet leaves out what needs nothing; a fleet's workspaces that need nothing are
	// counted, and shown with --all.
	quiet, fleet, apply bool
	total               reconcile.Summary
	workspaces, same    int
}

func newParts(inv *invocation, path string, quiet, apply bool) *parts {
	return &parts{inv: inv, path: path, quiet: quiet, apply: apply}
}

func (p *parts) show(part apply.Part) error {
	if part.Plan.Installation != nil {
		p.workspaces++
	}
	sum := part.Summary()
	p.total = p.total.Plus(sum)
	p.inv.bar.add()
	for _, failure := range part.Failures {
		problem := document.Problem{What: failure.Subject, Position: failure.Position}
		if problem.Position.Line > 0 {
			problem.File = p.path
		}
		p.inv.fail(problem, part.Where(), failure.Err)
	}
	if same := !sum.Changed && sum.Failed == 0; same && (p.quiet || p.fleet && !p.inv.all && !p.inv.json) {
		p.same++
		return nil
	}
	if p.inv.json {
		return p.inv.document.Result(part.Document())
	}
	return part.WriteText(p.inv.process.Stdout, reconcile.Style{
		Colour: p.inv.colour(), All: p.inv.all, Quiet: p.quiet, AllowPrune: "--allow-prune", Adopt: "--adopt", AllowSyncRisks: "--allow-sync-risks",
	})
}

// close keeps what the pass came to, and that err ended it early.
func (p *parts) close(err error) {
	p.inv.bar.end()
	if p.same > 0 && !p.quiet {
		_, _ = fmt.Fprintf(p.inv.process.Stdout, "%s without a change; --all shows each\n", platform.Counted(p.same, "workspace"))
	}
	p.total.Failed = max(p.total.Failed, p.inv.problems.Total()) // of syncs, too
	switch {
	case err == nil, errors.Is(err, apply.ErrNotReady):
	case p.inv.interrupted.Err() != nil: // said by itself
	default:
		p.total.Failed++
	}
	p.inv.sum(struct {
		reconcile.Summary
		Workspaces int `json:"workspaces"`
	}{p.total, p.workspaces}, "%s", p.total.Sentence(p.apply, p.workspaces))
}
