package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/linkersync/linkersync/action/internal/setup"
)

// variable annotates a flag with the environment variable that is its default.
const variable = "linkersync_environment"

// fromEnvironment makes a variable the default of a flag. The value is read by
// fillFlags, so that a bad one is reported like a bad flag.
func fromEnvironment(flags *pflag.FlagSet, name, variableName string) {
	flag := flags.Lookup(name)
	flag.Usage += " [$" + variableName + "]"
	flag.Annotations = map[string][]string{variable: {variableName}}
}

// fillFlags sets the flags that the command line left out from the environment.
func fillFlags(command *cobra.Command, getenv func(string) string) error {
	var problems []error
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		names := flag.Annotations[variable]
		if flag.Changed || len(names) == 0 {
			return
		}
		value := strings.TrimSpace(getenv(names[0]))
		if value == "" {
			return
		}
		if err := command.Flags().Set(flag.Name, value); err != nil {
			reason := "which --" + flag.Name + " doesn't take"
			if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
				reason += ": " + invalid.Unwrap().Error()
			}
			problems = append(problems, fmt.Errorf("the variable %s is %q, %s", names[0], value, reason))
		}
	})
	return errors.Join(problems...)
}

// optionFlag gives a verb the flag of an option. Its value goes to value, because a verb
// may keep it; usage replaces the option's own where it isn't empty.
func optionFlag(flags *pflag.FlagSet, option setup.Option, value pflag.Value, usage string) {
	given := &once{Value: value}
	option.Value = given
	if option.Default != "" {
		_ = option.Set(option.Default) // a test sets every default
		given.given = false
	}
	flag := flags.VarPF(oneOf{option}, option.FlagName(), option.Short, cmp.Or(usage, option.Help))
	if len(option.OneOf) > 0 {
		flag.Usage = option.Usage()
	}
	if value.Type() == "bool" {
		flag.NoOptDefVal = "true"
	}
	flag.Hidden = option.Hidden
	fromEnvironment(flags, option.FlagName(), option.Variable())
}

// oneOf is an option as a flag's value: it refuses words that the option doesn't take.
type oneOf struct{ setup.Option }

// String implements pflag.Value.
func (o oneOf) String() string {
	if o.Value == nil { // pflag asks a zero value
		return ""
	}
	return o.Value.String()
}

// Type implements pflag.Value.
func (o oneOf) Type() string { return o.Value.Type() }

// option finds an option by name, for a verb that keeps its value in a place of its own.
func option(name string) setup.Option {
	for _, option := range new(setup.Options).List() {
		if option.Name == name {
			return option
		}
	}
	panic("no option " + name) // the names are constants of this package
}

// enumVar is a verb's own flag that takes one of a few words.
func enumVar(flags *pflag.FlagSet, value *string, name, fallback, usage string, allowed ...string) {
	enum := setup.Option{Name: name, Default: fallback, OneOf: allowed, Help: usage, Value: setup.Text(value, "word")}
	*value = fallback
	flags.Var(oneOf{enum}, name, enum.Usage())
}

// needed annotates a flag without whose value a verb can't begin. Cobra's own mark
// knows no environment variables.
const needed = "linkersync_needed"

func required(command *cobra.Command, name string) {
	_ = command.Flags().SetAnnotation(name, needed, nil) // the flag is there
}

// checkFlags finds the required flags that have no value, and those that were given
// an empty one, as of a script's variable that nobody set: what is done without the
// flag is not what was meant.
func checkFlags(command *cobra.Command) error {
	var problems []error
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Value.String() != "" {
			return
		}
		name, usage := pflag.UnquoteUsage(flag)
		if _, is := flag.Annotations[needed]; is {
			problems = append(problems, fmt.Errorf("--%s is missing: %s", flag.Name, usage))
		} else if flag.Changed {
			problems = append(problems, fmt.Errorf("--%s is empty: give its %s, or leave it out", flag.Name, name))
		}
	})
	return errors.Join(problems...)
}

// installationFlag selects whose Bitbucket a verb works with.
func installationFlag(command *cobra.Command, value *string, usage string) {
	optionFlag(command.Flags(), option("installation"), setup.Text(value, ""), usage)
}

// once is a flag that takes one value: of two, one would be ignored without a word.
type once struct {
	pflag.Value
	given bool
}

// Set implements pflag.Value.
func (o *once) Set(text string) error {
	if o.given {
		return errors.New("it is given twice, and takes one value")
	}
	o.given = true
	return o.Value.Set(text)
}

// Words for --installation, by how many a verb takes.
const (
	oneInstallation   = "`KEY|UUID`: a client key, or the workspace's UUID."
	manyInstallations = "`all|KEY|UUID`: all, a client key, or a workspace's UUID."
)

// fileFlag says where the manifest is.
func fileFlag(command *cobra.Command, value *string) {
	optionFlag(command.Flags(), option("file"), setup.Text(value, "FILE"), "")
}

// parallelFlag is how much is done at a time.
func parallelFlag(command *cobra.Command, value *int, usage string) {
	optionFlag(command.Flags(), option("parallel"), setup.Count(value), usage)
}

// optionFlags gives a verb the flags of the invocation's options that wanted takes.
func (inv *invocation) optionFlags(flags *pflag.FlagSet, wanted func(setup.Option) bool) {
	for _, option := range inv.options.List() {
		if wanted(option) {
			optionFlag(flags, option, option.Value, "")
		}
	}
}

// common are the options of every verb.
func common(o setup.Option) bool {
	return slices.Contains([]string{
		"app_key", "aws_region", "kms_key_id", "timeout", "bitbucket_url", "bitbucket_auth_url", "requests_per_second",
	}, o.Name)
}

// ofInfisical are the options of verbs that may talk to Infisical.
func ofInfisical(o setup.Option) bool { return o.Flag && strings.HasPrefix(o.Name, "infisical_") }

// named are the options with these names.
func named(names ...string) func(setup.Option) bool {
	return func(o setup.Option) bool { return slices.Contains(names, o.Name) }
}

// The words of --json.
const (
	jsonDocument = "document"
	jsonLines    = "lines"
)

// jsonIn finds the value of --json in arguments that cobra could not take.
func jsonIn(args []string) (as string) {
	for _, arg := range args {
		switch word, is := strings.CutPrefix(arg, "--json"); {
		case arg == "--":
			return as
		case is && word == "":
			as = jsonDocument
		case is && word == "="+jsonLines, is && word == "="+jsonDocument:
			as = word[1:]
		}
	}
	return as
}

// commonFlags are those of every verb.
func (inv *invocation) commonFlags(flags *pflag.FlagSet) {
	inv.optionFlags(flags, common)
	enumVar(flags, &inv.jsonAs, "json", "", "Print one JSON document; with =lines, a line for each result.", jsonDocument, jsonLines)
	flags.Lookup("json").NoOptDefVal = jsonDocument
	flags.BoolVar(&inv.noColour, "no-color", false, "Never colour the output; NO_COLOR does the same.")
	flags.BoolVarP(&inv.verbose, "verbose", "v", false, "Log each step on standard error.")
}
