package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/linkersync/linkersync/action/internal/ci"
	"github.com/linkersync/linkersync/action/internal/setup"
)

// newActionCommand is what the container runs as GitHub action and Bitbucket pipe.
// A wrong command line or variable is the step's to report, too: whatever happens,
// later steps find outputs and people a summary.
func newActionCommand(inv *invocation) *cobra.Command {
	var wrong error
	command := &cobra.Command{
		Use: "action", Short: "Run as a CI step: inputs from the environment, a summary and outputs for the platform.",
		Long:    "Inputs are the action's (INPUT_FILE), the pipe's variables (FILE), or LINKERSYNC_FILE anywhere else; docs/action.md lists them.",
		Example: "  In any CI with the image:\n  LINKERSYNC_COMMAND=plan LINKERSYNC_INSTALLATION=all linkersync action",
		Args:    cobra.ArbitraryArgs,
		PersistentPreRunE: func(command *cobra.Command, args []string) error {
			wrong = errors.Join(takes()(command, args), inv.begin(command))
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error { return inv.step(command, wrong) },
	}
	command.SetFlagErrorFunc(inv.step)
	inv.optionFlags(command.Flags(), func(o setup.Option) bool { return o.Input && !common(o) })
	command.Flags().VisitAll(func(flag *pflag.Flag) { flag.Hidden = true }) // docs/action.md lists the inputs
	return command
}

// step runs the step, or reports what is wrong with how it was called.
func (inv *invocation) step(command *cobra.Command, wrong error) error {
	inv.started = true
	if wrong != nil {
		wrong = fmt.Errorf("the step's arguments and variables need correcting:\n%w", wrong)
	}
	// Not inv.ctx: the step has a time-out of its own, an input, which may be longer.
	err := ci.Run(command.Context(), ci.Process{
		Getenv: inv.process.Getenv, Commands: inv.stdout, Stdout: inv.process.Stdout, Log: inv.log, Version: inv.process.Version, Wrong: wrong,
	}, inv.options)
	if errors.Is(err, ci.ErrFailed) {
		return errReported
	}
	return err
}
