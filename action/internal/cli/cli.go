// Package cli is the grammar of the linkersync command: which verbs there are,
// what they take, how they print, and which exit code they end with. One file
// per group of verbs, and in it one newXCommand per verb.
//
// It decides nothing about linkers or connections: package reconcile does. It
// holds no client: package setup makes them.
//
// # What a verb says
//
// A verb hands on its results with print or printAll, its failures with fail, and at its
// end a summary and a last sentence with sum (or done, for the sentence alone). It writes
// to no stream itself. For people, results are text on standard output, failures come
// once each on standard error, and the sentence is the last line. With --json the same is
// one [document.Writer] document:
//
//	{"version": 1, "results": […], "summary": {"failed": 0, "sentence": "…", …}, "errors": […]}
//
// An element of errors is a [document.Problem]. With --json=lines each result is a line
// {"version": 1, "results": [one]}, and the last line has summary and errors. An error
// that a verb returns becomes an element of errors; errReported adds none.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes. exitChanges is only ever an answer: of `plan --exit-code`, and of doctor.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitChanges = 3
	// exitLater: nothing is wrong but what passes, such as a rate limit or an outage.
	exitLater = 4
	// exitInterrupted is 128 and the number of SIGINT, as a shell has it.
	exitInterrupted = 130
)

// Process is what the operating system gives the command.
type Process struct {
	Getenv  func(string) string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Version string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

const description = `Keep a Bitbucket Connect app's linker values, and your Bitbucket connections in Infisical, as linkersync.yaml says.

Exit codes: 0 fine, 1 failed, 2 wrong use, 3 "plan --exit-code" found changes
or "doctor" no linker endpoints, 4 failed for a reason that passes, such as a
rate limit or an outage: run it again later. 130 interrupted.`

const examples = `  linkersync plan --installation all
  linkersync apply --installation UUID
  linkersync values list issues --installation UUID
  linkersync installations import old-store.jsonl --dry-run`

// Run parses args, runs the verb and returns the exit code. It prints every error
// once.
func Run(ctx context.Context, args []string, process Process) int {
	inv := newInvocation(process)
	inv.interrupted = ctx
	command := newRootCommand(inv)
	// An empty list, and not nil: cobra would take the process's own arguments.
	command.SetArgs(append([]string{}, args...))
	err := command.ExecuteContext(ctx)
	defer func() { inv.cancel() }()
	if err != nil && !inv.started {
		inv.asJSON(jsonIn(args)) // cobra stops at the first wrong flag
		err = usageError{message: err.Error(), cause: err}
	}
	return inv.finish(err)
}

// Grammar is the whole command, to write documents about.
func Grammar() *cobra.Command {
	return newRootCommand(newInvocation(Process{Getenv: func(string) string { return "" }, Stdout: io.Discard, Stderr: io.Discard}))
}

func newRootCommand(inv *invocation) *cobra.Command {
	command := newGroup("linkersync", "Keep linker values and Infisical connections as a manifest says.",
		newStatusCommand(inv), newInitCommand(inv), newValidateCommand(inv), newPlanCommand(inv), newApplyCommand(inv), newExportCommand(inv), newDoctorCommand(inv),
		newAddonCommand(inv), newInstallationsCommand(inv), newLinkersCommand(inv), newValuesCommand(inv),
		newConnectionsCommand(inv), newSyncsCommand(inv), newPushCommand(inv), newRunsCommand(inv), newDeadLettersCommand(inv), newStopCommand(inv),
		newActionCommand(inv), newVersionCommand(inv),
	)
	command.Long, command.Example, command.Version = description, examples, inv.process.Version
	command.SetHelpCommand(newHelpCommand())
	command.SetHelpFunc(help)
	command.InitDefaultCompletionCmd() // now, so that it is a group like the others
	for _, verb := range command.Commands() {
		if verb.Name() == "completion" {
			makeGroup(verb)
		}
	}
	command.SilenceErrors, command.SilenceUsage = true, true
	command.SetOut(inv.process.Stdout)
	command.SetErr(inv.process.Stderr)
	command.SetIn(inv.process.Stdin)
	command.SetFlagErrorFunc(wrongFlag)
	command.PersistentPreRunE = func(command *cobra.Command, _ []string) error { return inv.begin(command) }
	inv.commonFlags(command.PersistentFlags())
	return command
}

// newGroup is a command that only holds others.
func newGroup(use, short string, verbs ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{Use: use, Short: short}
	group.AddCommand(verbs...)
	return makeGroup(group)
}

// makeGroup lets a command without a verb show its help, and makes a verb that it
// doesn't have a wrong use: cobra alone would call both fine.
func makeGroup(group *cobra.Command) *cobra.Command {
	group.SuggestionsMinimumDistance = 2 // without it only beginnings of a name are near
	group.Args = func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return unknownVerb(command, args[0])
	}
	group.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	return group
}

// newHelpCommand is cobra's, but for a verb that isn't there, which that one takes
// for the program.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help VERB…", Short: "Show the help of a verb.",
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil }, // needs no flag of the others
		RunE: func(command *cobra.Command, args []string) error {
			found, rest, err := command.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = unknownVerb(found, rest[0])
			}
			if err != nil {
				return err
			}
			return found.Help()
		},
	}
}

func unknownVerb(command *cobra.Command, verb string) error {
	if !command.HasSubCommands() {
		return usage("%s has no verbs of its own, and got %q", path(command), verb)
	}
	message := fmt.Sprintf("%s has no verb %q", path(command), verb)
	if near := nearVerbs(command, verb); len(near) > 0 {
		return usage("%s; did you mean %s?", message, strings.Join(near, " or "))
	}
	var names []string
	for _, known := range command.Commands() {
		if known.IsAvailableCommand() {
			names = append(names, known.Name())
		}
	}
	return usage("%s; it has\n%s", message, wrapped(names))
}

// wrapped puts names into lines of less than 80 columns.
func wrapped(names []string) string {
	text, column := "  ", 2
	for i, name := range names {
		if i > 0 {
			text, column = text+", ", column+2
		}
		if column+len(name) > 77 {
			text, column = strings.TrimSuffix(text, " ")+"\n  ", 2
		}
		text, column = text+name, column+len(name)
	}
	return text
}

// nearVerbs are the verbs that were probably meant: those of this name in any group,
// else those of the command with a similar name.
func nearVerbs(command *cobra.Command, verb string) []string {
	var same []string
	for _, group := range append(command.Root().Commands(), command.Root()) {
		for _, known := range group.Commands() {
			if known.Name() == verb {
				same = append(same, path(known))
			}
		}
	}
	if len(same) > 0 {
		return same
	}
	return command.SuggestionsFor(verb)
}

// wrongFlag says what is wrong with a flag. A verb that isn't there is said first:
// its flags are then unknown, too.
func wrongFlag(command *cobra.Command, err error) error {
	if args := command.Flags().Args(); command.HasSubCommands() && len(args) > 0 {
		return unknownVerb(command, args[0])
	}
	invalid, is := errors.AsType[*pflag.InvalidValueError](err)
	if is && invalid.GetFlag().Value.Type() == "bool" {
		return fmt.Errorf("--%s is %q, and should be true or false", invalid.GetFlag().Name, invalid.GetValue())
	}
	return err
}

// takes is the check of positional arguments: exactly these, and none of them empty,
// as a script's variable is that nobody set. A last name that ends in dots stands for
// one or more.
func takes(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "…")
		if !slices.Contains(args, "") && (len(args) == len(names) || many && len(args) > len(names)) {
			return nil
		}
		if len(names) == 0 {
			return usage("%s takes only flags, and got %q", path(command), args)
		}
		return usage("%s takes %s, and got %q", path(command), strings.Join(names, " "), args)
	}
}

// path names a command without the program, unless it is the program.
func path(command *cobra.Command) string {
	return strings.TrimPrefix(command.CommandPath(), command.Root().Name()+" ")
}

func newVersionCommand(inv *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version.", Args: takes(),
		RunE: inv.verb(func([]string) error {
			return inv.print(map[string]string{"version": inv.process.Version}, func(w io.Writer) {
				_, _ = fmt.Fprintln(w, "linkersync version", inv.process.Version) // as --version has it
			})
		}),
	}
}
