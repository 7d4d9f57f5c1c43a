package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/step"
)

// newActionCommand is what the container runs as GitHub action and Bitbucket pipe.
func newActionCommand(inv *invocation) *cobra.Command {
	command := &cobra.Command{
		Use: "action", Short: "Run as a CI step: inputs from the environment, a summary and outputs for the platform.",
		Long:    "Inputs are the action's (INPUT_FILE), the pipe's variables (FILE), or LINKERSYNC_FILE anywhere else; docs/action.md lists them.",
		Example: "  In any CI with the image:\n  LINKERSYNC_COMMAND=plan LINKERSYNC_INSTALLATION=all linkersync action",
		Args:    takes(),
		RunE: func(command *cobra.Command, _ []string) error {
			inv.started = true
			// Not inv.ctx: the step has a time-out of its own, an input, which may be longer.
			err := step.Run(command.Context(), step.Process{
				Getenv: inv.process.Getenv, Commands: inv.stdout, Stdout: inv.process.Stdout, Log: inv.log, Version: inv.process.Version,
			}, inv.options)
			if errors.Is(err, step.ErrFailed) {
				return errReported
			}
			return err
		},
	}
	inv.infisicalFlags(command.Flags())
	return command
}
