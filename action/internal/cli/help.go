package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// helpWidth is how many columns a line of help has.
const helpWidth = 80

// verbGroup is a heading of the program's help, and its verbs.
type verbGroup struct {
	title string
	verbs []string
}

// verbGroups has every verb but those that cobra adds.
func verbGroups() []verbGroup {
	return []verbGroup{
		{"The manifest", []string{"init", "validate", "plan", "apply", "export"}},
		{"What there is", []string{"status", "doctor"}},
		{"Infisical", []string{"connections", "syncs"}},
		{"Workspaces", []string{"installations", "linkers", "values", "addon"}},
		{"The deployment", []string{"push", "runs", "deadletters", "stop"}},
		{"The rest", []string{"action", "completion", "help", "version"}},
	}
}

// help prints the help of a verb. It is made here and not by cobra's template, which
// doesn't wrap, and with which the linker would keep every method of every AWS client.
func help(command *cobra.Command, _ []string) {
	out := command.OutOrStdout()
	for _, text := range []string{command.Short, command.Long} {
		if text != "" {
			_, _ = fmt.Fprintf(out, "%s\n\n", wrapText(text))
		}
	}
	use := command.UseLine()
	if command.HasAvailableSubCommands() {
		use = command.CommandPath() + " VERB"
	}
	_, _ = fmt.Fprintf(out, "Usage:\n  %s\n", use)
	if command.HasExample() {
		_, _ = fmt.Fprintf(out, "\nExamples:\n%s\n", command.Example)
	}
	helpOnVerbs(out, command)
	own, login := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if strings.HasPrefix(flag.Name, "infisical-") {
			login.AddFlag(flag)
		} else {
			own.AddFlag(flag)
		}
	})
	helpOnFlags(out, "Flags", own)
	helpOnFlags(out, "Flags of the login to Infisical", login)
	if inherited := flagNames(command.InheritedFlags()); len(inherited) > 0 {
		_, _ = fmt.Fprintf(out, "\nFlags of every verb, which \"linkersync --help\" describes:\n%s\n", wrapped(inherited))
	}
}

// wrapText wraps the paragraphs of a text.
func wrapText(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = platform.Wrap(line, helpWidth)
	}
	return strings.Join(lines, "\n")
}

func helpOnVerbs(out io.Writer, command *cobra.Command) {
	if !command.HasAvailableSubCommands() {
		return
	}
	_, _ = fmt.Fprintln(out, "\nAvailable Commands:")
	if command.HasParent() {
		for _, verb := range command.Commands() {
			helpOnVerb(out, verb)
		}
		return
	}
	for _, group := range verbGroups() {
		_, _ = fmt.Fprintf(out, " %s\n", group.title)
		for _, name := range group.verbs {
			if verb, _, err := command.Find([]string{name}); err == nil {
				helpOnVerb(out, verb)
			}
		}
	}
}

func helpOnVerb(out io.Writer, verb *cobra.Command) {
	if !verb.IsAvailableCommand() && verb.Name() != "help" {
		return
	}
	const column = 16 // where the text begins
	text := strings.ReplaceAll(platform.Wrap(verb.Short, helpWidth-column), "\n", "\n"+strings.Repeat(" ", column))
	_, _ = fmt.Fprintf(out, "  %-13s %s\n", verb.Name(), text)
}

func helpOnFlags(out io.Writer, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	const noise = "[=true|false]" // pflag adds it to each flag without a value
	usages := strings.ReplaceAll(flags.FlagUsagesWrapped(helpWidth), noise, strings.Repeat(" ", len(noise)))
	_, _ = fmt.Fprintf(out, "\n%s:\n%s", title, usages)
}

func flagNames(flags *pflag.FlagSet) (names []string) {
	flags.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, "--"+flag.Name)
		}
	})
	return names
}
