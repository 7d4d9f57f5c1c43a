package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/linkersync/linkersync/action/internal/runner"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// manifestFlags are what plan and apply share.
type manifestFlags struct {
	File         string `help:"The manifest." short:"f" default:"linkersync.yaml" env:"LINKERSYNC_FILE" placeholder:"FILE"`
	Installation string `help:"Where the linkers go: all, a client key, or a workspace's UUID or name." env:"LINKERSYNC_INSTALLATION" placeholder:"all|KEY|WORKSPACE"`
	Parallel     int    `help:"How many installations at a time." default:"4"`
	Quiet        bool   `help:"Leave out installations that need nothing." short:"q"`
}

// planCommand shows what apply would do.
type planCommand struct {
	manifestFlags
	ExitCode bool `help:"End with exit code 3 when there is something to change."`
}

// Help implements kong.HelpProvider.
func (planCommand) Help() string {
	return `Examples:
  linkersync plan --installation all
  linkersync plan -f production.yaml --installation my-workspace --exit-code
  linkersync plan --installation all --json | jq .summary`
}

// Run implements the verb.
func (c *planCommand) Run(inv *invocation) error {
	sum, err := c.pass(inv, runner.Options{Parallel: c.Parallel})
	if err == nil && c.ExitCode && sum.Changed {
		return errChanges
	}
	return err
}

// applyCommand changes what plan shows.
type applyCommand struct {
	manifestFlags
	AllowPrune bool `help:"Yes, delete most of a linker's values if the manifest says so."`
	CheckToken bool `help:"Try each connection's token at Bitbucket before Infisical gets it." default:"true" negatable:""`
}

// Help implements kong.HelpProvider.
func (applyCommand) Help() string {
	return `It reads, changes what differs, and reads again to be sure. Running it twice changes nothing the second time.

Examples:
  linkersync apply --installation all
  linkersync apply --installation {11111111-2222-4333-8444-555555555555} --allow-prune`
}

// Run implements the verb.
func (c *applyCommand) Run(inv *invocation) error {
	_, err := c.pass(inv, runner.Options{Apply: true, AllowPrune: c.AllowPrune, Parallel: c.Parallel})
	return err
}

// pass takes the manifest through everything and prints each part as it comes.
func (f manifestFlags) pass(inv *invocation, options runner.Options) (total reconcile.Summary, err error) {
	desired, err := manifest.Load(f.File)
	if err != nil {
		return total, wrongManifest(err)
	}
	if err := inv.session.UseApp(desired.App); err != nil {
		return total, usageError{err.Error()}
	}
	if len(desired.Linkers) > 0 && f.Installation == "" {
		return total, usage("the manifest has linkers: say where they go with --installation all, a client key, or a workspace's UUID or name")
	}
	out := newParts(inv, desired.Path, f.Quiet, f.Installation == runner.All)
	defer out.close()
	if len(desired.Linkers) > 0 {
		for part, err := range runner.Linkers(inv.ctx, inv.session.Installations(inv.ctx, f.Installation), inv.session.Connect, desired.Linkers, options) {
			if err != nil {
				return out.total, err
			}
			if err := out.show(part); err != nil {
				return out.total, err
			}
		}
	}
	if len(desired.Connections) > 0 {
		part, err := inv.session.ApplyConnections(inv.ctx, desired.Connections, options.Apply, nil)
		if err != nil {
			return out.total, err
		}
		if err := out.show(part); err != nil {
			return out.total, err
		}
	}
	return out.total, out.finish()
}

// wrongManifest makes the wrong use of the command out of a file with problems,
// which are printed one a line.
func wrongManifest(err error) error {
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
}

func newParts(inv *invocation, path string, quiet, fleet bool) *parts {
	p := &parts{inv: inv, path: path, quiet: quiet, fleet: fleet}
	if fleet && inv.progress() {
		p.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(inv.process.Stderr), progressbar.OptionSetDescription("installations"),
			progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return p
}

func (p *parts) show(part runner.Part) error {
	p.count++
	p.total = p.total.Plus(part.Summary())
	if p.bar != nil {
		_ = p.bar.Add(1) // only a picture
	}
	for _, failure := range part.Failures {
		p.fail(part, failure)
	}
	if p.quiet && !part.Summary().Changed {
		return nil
	}
	if p.inv.line.JSON {
		return p.writeJSON(part)
	}
	p.clear()
	if part.Applied {
		return part.Result.WriteText(p.inv.process.Stdout, p.inv.colour())
	}
	return part.Plan.WriteText(p.inv.process.Stdout, p.inv.colour())
}

func (p *parts) writeJSON(part runner.Part) error {
	var document any = part.Plan
	if part.Applied {
		document = part.Result
	}
	return json.NewEncoder(p.inv.process.Stdout).Encode(document)
}

// fail says what could not be done, where the manifest wants it, and in which
// workspace.
func (p *parts) fail(part runner.Part, failure runner.Failure) {
	p.clear()
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
	if p.fleet && !p.inv.line.JSON {
		p.clear()
		p.sum(p.inv.process.Stdout)
	}
	if p.total.Failed > 0 {
		return errReported
	}
	return nil
}

func (p *parts) sum(w io.Writer) {
	linkers := p.total.Linkers
	_, _ = fmt.Fprintf(w, "%d looked at; %d linkers changed, %d unchanged, %d failed; values: %d added, %d removed, %d kept\n",
		p.count, linkers.Changed, linkers.Unchanged, p.total.Failed, linkers.Added, linkers.Removed, linkers.Kept)
}
