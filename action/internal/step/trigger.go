package step

import (
	"errors"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// errDangerous explains why a run is refused before anything is read.
var errDangerous = errors.New("this trigger runs with the repository's secrets on a change that a stranger may have written, so an apply would let them write into your workspaces; plan on pull_request, and apply on push to a protected branch")

// allow refuses what would let a stranger's change act with the owners' secrets.
func allow(c Config, t platform.Trigger) error {
	if t.Dangerous && c.Command != "plan" {
		return errDangerous
	}
	if t.Fork && c.Command != "plan" {
		return errors.New("a pull request from a fork can only plan: apply it after the merge")
	}
	return nil
}
