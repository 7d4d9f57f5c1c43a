package ci

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

// unmerged warns of an apply that the owners of the repository may want, since no
// stranger wrote the change: some have a workspace for trying things out.
func unmerged() platform.Annotation {
	return platform.Annotation{
		Level: platform.Warning, Title: "an apply of a pull request",
		Message: "this brings workspaces to a manifest that is not merged, until the next apply of another one: plan on pull requests, and apply on push to a protected branch, unless the workspaces are for trying things out",
	}
}
