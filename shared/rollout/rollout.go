// Package rollout carries one change of the desired state to every installation:
// the events that announce it, the manifests in S3 that say what is desired, the
// queue message that asks a worker to look at one installation, and the table
// that workers share.
//
// It is level-triggered. A message never carries values: it says "look at this
// installation", and whoever takes it reads what is desired at that moment. So
// messages may be lost twice, doubled or reordered, and the newest manifest still
// wins everywhere (docs/decisions/0005-level-triggered-rollout.md).
//
// It does not compare or repair values: package reconcile does.
package rollout

import (
	"errors"
)

// Outcome is how a run ended for one installation.
type Outcome string

// The outcomes that a run counts.
const (
	Changed   Outcome = "changed"
	Unchanged Outcome = "unchanged"
	Failed    Outcome = "failed"
	// Skipped: uninstalled meanwhile, overtaken by a newer manifest, or stopped.
	Skipped Outcome = "skipped"
)

// Result is what one installation adds to its run. Added and Removed count the linker
// values that the attempt which ended the message changed: what one did that was
// interrupted before is in no count.
type Result struct {
	Outcome        Outcome
	Added, Removed int
}

// counts is the result as it is added to a page.
func (r Result) counts() Counts {
	counts := Counts{Added: r.Added, Removed: r.Removed}
	switch r.Outcome {
	case Changed:
		counts.Changed = 1
	case Unchanged:
		counts.Unchanged = 1
	case Failed:
		counts.Failed = 1
	case Skipped:
		counts.Skipped = 1
	}
	return counts
}

// ErrRefused marks an event or a message that can never succeed. Its text says
// why, and holds nothing of what was sent but names.
var ErrRefused = errors.New("refused")
