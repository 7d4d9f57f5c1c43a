package reconcile

import (
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
	// Error is the text of the error that kept the action from being done.
	Error    string            `json:"error,omitempty"`
	Position manifest.Position `json:"position"`
}

// Changed tells whether the apply changed the connection.
func (r ConnectionResult) Changed() bool { return r.Action != None && r.Error == "" }

// UnmanagedError refuses to touch a connection without linkersync's mark: it may
// be somebody else's.
type UnmanagedError struct {
	Name, ProjectID, ID string
	// Doing is what was refused: "take over" or "delete".
	Doing string
}

func (e *UnmanagedError) Error() string {
	return fmt.Sprintf("%s connection %s: it exists (id %s) and linkersync did not make it; if it may do that, permit it explicitly",
		e.Doing, place{e.ProjectID, e.Name}, e.ID)
}
