package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/shared/infisical"
)

// DeleteRequest names a connection that is to go. Nothing else in this package
// deletes one.
type DeleteRequest struct {
	Name string
	// ProjectID is empty for a connection of the organisation.
	ProjectID string
	// Unmanaged permits deleting one that linkersync did not make, or another owner's.
	Unmanaged bool
	// Owner is the caller's, as in [DesiredConnection]; empty when it isn't known.
	Owner string
}

// DeleteConnection deletes one connection and returns it as it was. One that
// isn't there is no error, and found is false.
//
// Errors: [UnmanagedError]; [infisical.ErrInUse] with what Infisical says about
// the syncs and scans that depend on it; otherwise the client's, wrapped.
func DeleteConnection(ctx context.Context, api Connections, request DeleteRequest) (was infisical.Connection, found bool, err error) {
	at := place{request.ProjectID, request.Name}
	was, err = api.ConnectionByName(ctx, request.Name, request.ProjectID)
	if errors.Is(err, infisical.ErrNotFound) {
		return was, false, nil
	}
	if err != nil {
		return was, false, fmt.Errorf("delete connection %s: %w", at, err)
	}
	_, m, ours := unmarked(was.Description)
	foreign := m.owner != "" && request.Owner != "" && !sameOwner(m.owner, request.Owner)
	if (!ours || foreign) && !request.Unmanaged {
		return was, true, &UnmanagedError{Name: request.Name, ProjectID: request.ProjectID, ID: was.ID, Owner: m.owner, Doing: "delete"}
	}
	err = api.Delete(ctx, was.ID)
	if errors.Is(err, infisical.ErrNotFound) {
		return was, false, nil // Somebody else was faster.
	}
	if err != nil {
		return was, true, fmt.Errorf("delete connection %s: %w", at, err)
	}
	return was, true, nil
}
