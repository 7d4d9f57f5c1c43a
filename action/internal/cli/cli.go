// Package cli is the grammar of the linkersync command: which verbs there are,
// what they take, how they print, and which exit code they end with. One file
// per group of verbs.
//
// It decides nothing about linkers or connections: package reconcile does. It
// holds no client: package session makes them.
package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"

	"github.com/linkersync/linkersync/action/internal/session"
)

// Exit codes. exitChanges is only ever the answer of `plan --exit-code`.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitChanges = 3
)

// Process is what the operating system gives the command.
type Process struct {
	Getenv  func(string) string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Version string
}

// root is the command line. Kong fills it; its tags are the --help.
type root struct {
	session.Options

	JSON    bool          `help:"Print the result as JSON on standard output." name:"json"`
	NoColor bool          `help:"Never colour the output; NO_COLOR does the same." name:"no-color"`
	Verbose bool          `help:"Log each step on standard error." short:"v"`
	Timeout time.Duration `help:"Give up after this long." default:"30m"`

	Plan          planCommand          `cmd:"" help:"Show what apply would change, and change nothing."`
	Apply         applyCommand         `cmd:"" help:"Bring linker values and connections to what the manifest says."`
	Export        exportCommand        `cmd:"" help:"Write what is there now as a manifest."`
	Addon         addonCommand         `cmd:"" help:"The app itself: update its descriptor, lead workspaces on to Forge, remove it."`
	Installations installationsCommand `cmd:"" help:"Who has the app: list and show."`
	Linkers       linkersCommand       `cmd:"" help:"The app's linkers in one workspace, by hand."`
	Values        valuesCommand        `cmd:"" help:"A linker's values in one workspace, by hand."`
	Connections   connectionsCommand   `cmd:"" help:"Bitbucket connections in Infisical: list, show, ensure, rotate, delete, doctor."`
	Action        actionCommand        `cmd:"" help:"Run as a CI step: inputs from the environment, a summary and outputs for the platform."`
	Version       versionCommand       `cmd:"" help:"Print the version."`
}

const description = `Keep a Bitbucket Connect app's linker values, and your Bitbucket connections in Infisical, as linkersync.yaml says.

Examples:
  linkersync plan --installation all
  linkersync apply --installation {11111111-2222-4333-8444-555555555555}
  linkersync values list issues --installation my-workspace
  linkersync installations import old-store.jsonl --dry-run

Exit codes: 0 fine, 1 failed, 2 wrong use, 3 "plan --exit-code" found changes.`

// Run parses args, runs the verb and returns the exit code. It prints every error
// once.
func Run(ctx context.Context, args []string, process Process) int {
	var line root
	helped := false
	parser, err := kong.New(&line,
		kong.Name("linkersync"), kong.Description(description),
		kong.Writers(process.Stdout, process.Stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
		kong.Vars{"version": process.Version},
	)
	if err != nil {
		_, _ = fmt.Fprintf(process.Stderr, "linkersync: build the command line: %v\n", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		_, _ = fmt.Fprintf(process.Stderr, "linkersync: %v\nRun \"linkersync --help\", or a verb with --help, for what it takes.\n", err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeoutCause(ctx, line.Timeout, fmt.Errorf("it took longer than --timeout %s", line.Timeout))
	defer cancel()
	inv := newInvocation(ctx, &line, process)
	return inv.finish(parsed.Run(inv))
}

// versionCommand prints the version.
type versionCommand struct{}

// Run implements the verb.
func (*versionCommand) Run(inv *invocation) error {
	return inv.print(map[string]string{"version": inv.process.Version}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "linkersync", inv.process.Version)
	})
}
