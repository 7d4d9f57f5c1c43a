package ci

import (
	"fmt"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
)

// allow refuses what would let a stranger's change act with the owners' secrets. Only a
// plan is done for such a change, until the input allow_untrusted_trigger says yes.
func allow(o setup.Options, t platform.Trigger) error {
	switch {
	case o.Command == "plan" || o.AllowUntrustedTrigger:
		return nil
	case t.Trust == platform.NoSecrets:
		return fmt.Errorf("a pull request from a fork can only plan: %s it after the merge", o.Command)
	case t.Trust == platform.Untrusted:
		return fmt.Errorf("the event %q may bring a stranger's change together with the repository's secrets, so %s is refused: "+
			"use an event that docs/action.md calls trusted, such as push, or set allow_untrusted_trigger: true when only people you trust can start this job", t.Event, o.Command)
	}
	return nil
}

// unmerged warns of an apply of a pull request. Some repositories have a workspace for
// trying things out, so the apply is done.
func unmerged() platform.Annotation {
	return platform.Annotation{
		Level: platform.Warning, Title: "an apply of a pull request",
		Message: "this brings workspaces to a manifest that is not merged, until the next apply of another one: plan on pull requests, and apply on push to a protected branch, unless the workspaces are for trying things out",
	}
}
