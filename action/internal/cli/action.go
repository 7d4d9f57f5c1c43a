package cli

import (
	"errors"

	"github.com/linkersync/linkersync/action/internal/step"
)

// actionCommand is what the container runs as GitHub action and Bitbucket pipe.
type actionCommand struct{}

// Help implements kong.HelpProvider.
func (actionCommand) Help() string {
	return `Inputs are the action's (INPUT_FILE), the pipe's variables (FILE), or LINKERSYNC_FILE anywhere else; docs/action.md lists them.

Example, in any CI with the image:
  LINKERSYNC_COMMAND=plan LINKERSYNC_INSTALLATION=all linkersync action`
}

// Run implements the verb.
func (actionCommand) Run(inv *invocation) error {
	err := step.Run(inv.ctx, step.Process{Getenv: inv.process.Getenv, Stdout: inv.process.Stdout, Version: inv.process.Version}, inv.line.Options)
	if errors.Is(err, step.ErrFailed) {
		return errReported
	}
	return err
}
