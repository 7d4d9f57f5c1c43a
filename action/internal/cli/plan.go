package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// manifestFlags are what plan and apply share.
func (inv *invocation) manifestFlags(command *cobra.Command, quiet *bool) {
	inv.optionFlags(command.Flags(), named("file", "installation", "parallel"))
	command.Flags().Lookup("file").Shorthand = "f"
	inv.optionFlags(command.Flags(), ofInfisical)
	command.Flags().BoolVarP(quiet, "quiet", "q", false, "Leave out installations that need nothing.")
}

func newPlanCommand(inv *invocation) *cobra.Command {
	var exitCode, quiet, unchecked bool
	command := &cobra.Command{
		Use: "plan", Short: "Show what apply would change, and change nothing.", Args: takes(),
		Long: "It reads what is there, and checks files, credentials and tokens as apply does before its first write.",
		Example: `  linkersync plan --installation all
  linkersync plan -f production.yaml --installation {11111111-2222-4333-8444-555555555555} --exit-code
  linkersync plan --installation all --json | jq .summary`,
	}
	inv.manifestFlags(command, &quiet)
	command.Flags().BoolVar(&exitCode, "exit-code", false, "End with exit code 3 when there is something to change.")
	uncheckedFlag(command, &unchecked)
	command.RunE = inv.verb(func([]string) error {
		sum, err := inv.runManifest(setup.Work{CheckTokens: !unchecked}, quiet)
		if err == nil && exitCode && sum.Changed {
			return errChanges
		}
		return err
	})
	return command
}

func newApplyCommand(inv *invocation) *cobra.Command {
	var quiet, unchecked, adopt bool
	command := &cobra.Command{
		Use: "apply", Short: "Bring linker values and connections to what the manifest says.", Args: takes(),
		Long: "It checks files, credentials and tokens before its first write, changes what differs, and reads again to be sure. Running it twice changes nothing the second time.",
		Example: `  linkersync apply --installation all
  linkersync apply --installation {11111111-2222-4333-8444-555555555555} --allow-prune`,
	}
	inv.manifestFlags(command, &quiet)
	inv.optionFlags(command.Flags(), named("prune"))
	uncheckedFlag(command, &unchecked)
	adoptFlag(command, &adopt)
	command.RunE = inv.verb(func([]string) error {
		_, err := inv.runManifest(setup.Work{Apply: true, CheckTokens: !unchecked, Adopt: adopt, Written: inv.runSyncs}, quiet)
		return err
	})
	return command
}

// runManifest takes the manifest through the one flow and prints each part as it comes.
func (inv *invocation) runManifest(work setup.Work, quiet bool) (total reconcile.Summary, err error) {
	desired, err := inv.session.Load(inv.ctx, inv.options.File, inv.process.Stdin)
	if err != nil {
		return total, wrongManifest(err)
	}
	if len(desired.Linkers)+len(desired.Connections) == 0 {
		_, _ = fmt.Fprintf(inv.process.Stderr, "%s has neither linkers nor connections: there is nothing to do\n", desired.Path)
		return total, nil
	}
	out := newParts(inv, desired.Path, quiet, inv.options.Installation == apply.All)
	defer out.close()
	work.Log = inv.log
	if err := inv.session.Run(inv.ctx, desired, work, out.show); err != nil {
		return out.total, wrongManifest(err)
	}
	return out.total, out.finish()
}

// wrongManifest makes the wrong use of the command out of a file with problems, which
// are printed one a line, and out of options that don't fit it.
func wrongManifest(err error) error {
	if wrong, ok := errors.AsType[setup.UseError](err); ok {
		return usageError{wrong.Message}
	}
	if problems, ok := errors.AsType[manifest.Problems](err); ok {
		return usageError{fmt.Sprintf("the manifest has problems, nothing was called:\n%s", problems.Error())}
	}
	return err
}

// parts prints a pass as it goes: text for people, or one JSON document a line.
type parts struct {
	inv   *invocation
	path  string
	quiet bool
	fleet bool
	bar   *progressbar.ProgressBar
	total reconcile.Summary
	count int
	// first is the first failure; what helps against it usually helps against all.
	first  error
	failed failures
}

func newParts(inv *invocation, path string, quiet, fleet bool) *parts {
	p := &parts{inv: inv, path: path, quiet: quiet, fleet: fleet}
	if fleet {
		p.bar = inv.bar("installations")
	}
	return p
}

// bar counts what is done; it is nil where nobody would see it. It moves when it is
// told to: with an interval for its spinner it would have a goroutine, which draws
// over what is being printed.
func (inv *invocation) bar(what string) *progressbar.ProgressBar {
	if !inv.progress() {
		return nil
	}
	return progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(inv.process.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0))
}

func (p *parts) show(part apply.Part) error {
	if part.Plan.Installation != nil {
		p.count++
	}
	p.total = p.total.Plus(part.Summary())
	if p.bar != nil {
		_ = p.bar.Add(1) // only a picture
	}
	for _, failure := range part.Failures {
		p.fail(part, failure)
	}
	if sum := part.Summary(); p.quiet && !sum.Changed && sum.Failed == 0 {
		return nil
	}
	if p.inv.json {
		return p.inv.printLine(part.Document())
	}
	p.clear()
	return part.WriteText(p.inv.process.Stdout, p.inv.colour())
}

// fail says what could not be done, where the manifest wants it, and in which
// workspace.
func (p *parts) fail(part apply.Part, failure apply.Failure) {
	p.clear()
	p.failed.add(failure.Err)
	if p.first == nil {
		p.first = failure.Err
	}
	at := p.path
	if failure.Position.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", p.path, failure.Position.Line, failure.Position.Column)
	}
	where := ""
	if target := part.Plan.Installation; target != nil && target.Workspace != "" {
		where = " in workspace " + target.Workspace
	}
	_, _ = fmt.Fprintf(p.inv.process.Stderr, "%s: %s%s: %v\n", at, failure.Subject, where, failure.Err)
}

// clear takes the progress bar away before something is printed over it.
func (p *parts) clear() {
	if p.bar != nil {
		_ = p.bar.Clear() // only a picture
	}
}

func (p *parts) close() {
	if p.bar != nil {
		_ = p.bar.Finish() // only a picture
	}
}

// finish prints the sum of a fleet, and fails when a part did.
func (p *parts) finish() error {
	if p.fleet && !p.inv.json {
		p.clear()
		p.sum(p.inv.process.Stdout)
	}
	if p.first != nil {
		p.inv.hint(p.first)
	}
	return p.failed.err()
}

func (p *parts) sum(w io.Writer) {
	linkers := p.total.Linkers
	_, _ = fmt.Fprintf(w, "%d looked at; %d linkers changed, %d unchanged, %d failed; values: %d added, %d removed, %d kept\n",
		p.count, linkers.Changed, linkers.Unchanged, p.total.Failed, linkers.Added, linkers.Removed, linkers.Kept)
}
