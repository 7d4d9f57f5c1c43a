package reconcile

import (
	"cmp"
	"fmt"

	"github.com/linkersync/linkersync/shared/manifest"
)

// ConnectionResult is what an apply did to one connection.
type ConnectionResult struct {
	Name      string `json:"name"`
	ProjectID string `json:"project_id,omitempty"`
	ID        string `json:"id,omitempty"`
	// Action is what was done; with an Error, what was to be done.
	Action Action   `json:"action"`
	Fields []string `json:"fields"`
	// Outcome says, with an Error, what is known about the write.
	Outcome Outcome `json:"outcome,omitempty"`
	// Drift is the plan's.
	Drift string `json:"drift,omitempty"`
	// Kept is the plan's.
	Kept string `json:"kept,omitempty"`
	// Error is the text of the error that kept the action from being done.
	Error    string            `json:"error,omitempty"`
	Position manifest.Position `json:"position"`

	err error
}

// Cause is the error whose text is in Error.
func (r ConnectionResult) Cause() error { return r.err }

// Changed tells whether the apply changed the connection.
func (r ConnectionResult) Changed() bool { return r.Action != None && r.Error == "" }

// Rotated tells whether credentials of a connection that was there were written, so that
// what uses it has to run with them.
func (r ConnectionResult) Rotated() bool {
	return r.Error == "" && (r.Action == Rotate || r.Action == Adopt)
}

// Outcome is what is known after a write that failed.
type Outcome string

// The outcomes. Unknown is said when looking the connection up failed, too, and when it
// was stored otherwise than sent.
const (
	NotDone Outcome = "not done"
	Unknown Outcome = "unknown"
)

// UnmanagedError refuses to touch a connection without linkersync's mark, or with
// another owner's.
type UnmanagedError struct {
	// Kind is "sync", or empty for a connection.
	Kind                string
	Name, ProjectID, ID string
	// Owner is the other owner; empty when linkersync did not make the connection.
	Owner string
	// Doing is what was refused: "take over" or "delete".
	Doing string
}

func (e *UnmanagedError) Error() string {
	why := "linkersync did not make it"
	if e.Owner != "" {
		why = "its mark says that " + quote(e.Owner) + " owns it"
	}
	return fmt.Sprintf("%s %s %s: it exists (id %s) and %s; if it may do that, permit it explicitly",
		e.Doing, cmp.Or(e.Kind, "connection"), place{e.ProjectID, e.Name}, e.ID, why)
}

// UnknownOutcomeError is a write without an answer that could not be looked up
// either. Running it again is right: it looks first.
type UnknownOutcomeError struct {
	// Kind is "sync", or empty for a connection.
	Kind            string
	Name, ProjectID string
	// Err is the write's failure, LookUp that of looking.
	Err, LookUp error
}

// Unwrap returns both failures.
func (e *UnknownOutcomeError) Unwrap() []error { return []error{e.Err, e.LookUp} }

func (e *UnknownOutcomeError) Error() string {
	return fmt.Sprintf("%s %s: whether it was written is not known (%v), and looking failed, too (%v); run it again, it looks first",
		cmp.Or(e.Kind, "connection"), place{e.ProjectID, e.Name}, e.Err, e.LookUp)
}

// WrongScopeError is a connection that the server keeps in another project than the
// one that was asked for. Servers from before project-scoped connections drop the
// project.
// Source: https://github.com/Infisical/infisical/pull/4525
type WrongScopeError struct {
	Name, ProjectID, ID string
	// Got is the project in the answer; empty for the organisation.
	Got string
	// Made: this run created it. Removed: and deleted it again.
	Made, Removed bool
}

func (e *WrongScopeError) Error() string {
	text := fmt.Sprintf("connection %s: the server answers with %s (id %s); a version from before project-scoped connections is the likely cause, so update Infisical",
		place{e.ProjectID, e.Name}, place{e.Got, e.Name}, e.ID)
	switch {
	case e.Removed:
		text += "; the connection was created there and deleted again"
	case e.Made:
		text += "; the connection was created there and could not be deleted: delete it by hand, it holds the token"
	}
	return text
}
