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
	"encoding/json"
	"errors"
	"time"
)

// Task is what a message asks for.
type Task string

// The tasks of a run.
const (
	// TaskValues brings an installation's linker values to the desired state.
	TaskValues Task = "values"
	// TaskAddon makes Bitbucket read the app's descriptor again for an installation.
	TaskAddon Task = "addon"
)

// Message is the body of a queue message: one task for one installation.
type Message struct {
	// Run is the run's id, and Page the page of it that counts the outcome. Both are empty
	// for a first sync right after an install, which is part of no run.
	Run       string `json:"run,omitempty"`
	Page      string `json:"page,omitempty"`
	Task      Task   `json:"task"`
	ClientKey string `json:"client_key"`
	// Scope and Revision name the state of the manifest that caused the run. When
	// the table knows a newer revision of the scope, the message is a no-op.
	Scope    string `json:"scope,omitempty"`
	Revision int64  `json:"revision,omitempty"`
	// AllowPrune is the version of the manifest for which a large prune was allowed
	// explicitly; with any other it says nothing.
	AllowPrune string `json:"allow_prune,omitempty"`
	// DescriptorURL and Descriptor are for TaskAddon; without either, Bitbucket
	// reads the registered descriptor again.
	DescriptorURL string          `json:"descriptor_url,omitempty"`
	Descriptor    json.RawMessage `json:"descriptor,omitempty"`
	// Since is when the message was first queued.
	Since time.Time `json:"since,omitzero"`
}

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
