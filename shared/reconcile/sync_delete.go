package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/infisical"
)

const (
	// removalPoll is how often a removal of variables is looked at, and maxRemovalPolls
	// bounds the waiting for it, to 5 minutes.
	removalPoll     = 5 * time.Second
	maxRemovalPolls = 60
)

// SyncDeletion names a sync that is to go.
type SyncDeletion struct {
	Name, ProjectID string
	// Unmanaged permits deleting one that linkersync did not make, or another owner's.
	Unmanaged bool
	// Owner is the caller's; empty when it isn't known.
	Owner string
	// RemoveVariables deletes the variables from Bitbucket first, those that Infisical
	// still has secrets for, and waits until that is done.
	RemoveVariables bool
	Sleep           func(context.Context, time.Duration) error
	// Progress, if not nil, is told how the removal stands after each look.
	Progress func(status string)
}

// DeleteSync deletes one sync and returns it as it was. One that isn't there is no error,
// and found is false.
//
// Errors: [UnmanagedError]; [UnknownOutcomeError] when the removal of the variables isn't
// over after 5 minutes; otherwise the client's, wrapped.
func DeleteSync(ctx context.Context, api Syncs, request SyncDeletion) (was infisical.Sync, found bool, err error) {
	at := place{request.ProjectID, request.Name}
	row, err := lookUpSync(ctx, api, at)
	if err != nil {
		return was, false, fmt.Errorf("delete sync %s: %w", at, err)
	}
	if row == nil {
		return was, false, nil
	}
	_, m, ours := unmarkedSync(row.Description)
	foreign := m.owner != "" && request.Owner != "" && !sameOwner(m.owner, request.Owner)
	if (!ours || foreign) && !request.Unmanaged {
		return *row, true, &UnmanagedError{Kind: "sync", Name: request.Name, ProjectID: request.ProjectID, ID: row.ID, Owner: m.owner, Doing: "delete"}
	}
	if request.RemoveVariables {
		err = request.remove(ctx, api, row.ID)
	} else {
		plan := SyncPlan{Name: request.Name, ProjectID: request.ProjectID, ID: row.ID, Action: Delete}
		_, err = plan.ensure(ctx, api, nil)
	}
	return *row, true, err
}

// remove queues the removal and waits until the sync is gone. A run that is under way is
// waited for first.
func (d SyncDeletion) remove(ctx context.Context, api Syncs, id string) error {
	at := place{d.ProjectID, d.Name}
	queued := false
	last := errors.New("a run was under way all the time")
	for poll := range maxRemovalPolls {
		if poll > 0 && d.Sleep(ctx, removalPoll) != nil {
			break
		}
		if !queued {
			err := api.DeleteSync(ctx, id, true)
			switch {
			case errors.Is(err, infisical.ErrNotFound):
				return nil
			case err != nil && answered(err) && !errors.Is(err, infisical.ErrBusy):
				return fmt.Errorf("delete sync %s with its variables: %w", at, err)
			}
			// Without an answer the next look tells.
			queued = err == nil
		}
		now, err := api.Sync(ctx, id)
		switch {
		case errors.Is(err, infisical.ErrNotFound):
			return nil
		case err != nil && meetsAll(ctx, err):
			return &UnknownOutcomeError{Kind: "sync", Name: d.Name, ProjectID: d.ProjectID, Err: last, LookUp: err}
		case err == nil && queued && now.RemoveStatus == "failed":
			return fmt.Errorf("delete sync %s: its variables could not be removed, so it is still there: %s; mend its connection and try again, or delete it without its variables", at, now.RemoveMessage)
		case err == nil && queued:
			last = fmt.Errorf("its removal is %s", now.RemoveStatus)
		}
		if d.Progress != nil {
			d.Progress(last.Error())
		}
	}
	if ctx.Err() != nil {
		last = ctx.Err()
	}
	return fmt.Errorf("delete sync %s: whether its variables are removed is not known yet: %w; \"linkersync syncs list\" shows whether it is still there", at, last)
}
