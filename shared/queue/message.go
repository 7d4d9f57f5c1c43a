// Package queue sends the messages of a run to SQS, one for each installation, and says
// when one is delivered again. It stands beside package rollout so that a function which
// only sends a message starts without the clients of the other services.
package queue

import (
	"encoding/json"
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
