package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/linkersync/linkersync/shared/infisical"
)

// Runs are the runs of syncs after a rotation, since Infisical re-runs none by itself
// and leaves a failed one failed. A run takes from seconds to minutes.
type Runs struct {
	API Users
	// Unstarted are syncs whose run could not be asked for yet: another one was under
	// way, or Infisical had no answer.
	Unstarted []infisical.Sync
	// Running are syncs whose run is not known to be over.
	Running []infisical.Sync
	// Failed are those whose run failed, or that need a person.
	Failed []SyncFailure
}

// Left are the syncs that are to be looked at again.
func (r *Runs) Left() []infisical.Sync { return slices.Concat(r.Unstarted, r.Running) }

// Start asks for the runs of the syncs that are not started. A sync that is gone
// needs none.
func (r *Runs) Start(ctx context.Context) {
	var later []infisical.Sync
	for _, sync := range r.Unstarted {
		_, err := r.API.RunSync(ctx, sync.ID)
		switch {
		case err == nil:
			r.Running = append(r.Running, sync)
		case errors.Is(err, infisical.ErrNotFound):
		case errors.Is(err, infisical.ErrBusy), errors.Is(err, infisical.ErrRateLimited), !answered(err):
			later = append(later, sync)
		default:
			r.Failed = append(r.Failed, SyncFailure{sync, err})
		}
	}
	r.Unstarted = later
}

// Look reads how the runs go: one list for each project. A sync that is gone is no
// longer looked at. The error is why nothing new is known about some.
func (r *Runs) Look(ctx context.Context) error {
	ids := map[string]bool{}
	projects := map[string][]infisical.Sync{}
	for _, sync := range r.Running {
		ids[sync.ID] = true
		projects[sync.ProjectID] = append(projects[sync.ProjectID], sync)
	}
	names := slices.Sorted(maps.Keys(projects))
	listed, failed := make([][]infisical.Sync, len(names)), make([]error, len(names))
	inParallel(len(names), func(i int) { listed[i], failed[i] = r.API.Syncs(ctx, names[i]) })
	r.Running = nil
	for i, name := range names {
		if failed[i] != nil {
			r.Running = append(r.Running, projects[name]...)
		}
		for _, sync := range listed[i] {
			switch {
			case !ids[sync.ID]:
			case !sync.Over():
				r.Running = append(r.Running, sync)
			case sync.Failed():
				r.Failed = append(r.Failed, SyncFailure{Sync: sync})
			}
		}
	}
	return errors.Join(failed...)
}

const (
	// syncPoll is how often runs are looked at; one takes from seconds to minutes.
	syncPoll = 5 * time.Second
	// maxPolls bounds the waiting for the runs, to 3 minutes.
	maxPolls = 36
)

// RunSyncs runs syncs after a rotation and waits until each run is over, for 3 minutes
// at most; pending are those that were not over then. progress, if not nil, is told how
// many are under way after each look.
func RunSyncs(ctx context.Context, api Users, syncs []infisical.Sync, sleep func(context.Context, time.Duration) error, progress func(left int)) (pending []infisical.Sync, failed []SyncFailure) {
	runs := &Runs{API: api, Unstarted: syncs}
	for poll := range maxPolls {
		if poll > 0 && (len(runs.Left()) == 0 || sleep(ctx, syncPoll) != nil) {
			break
		}
		runs.Start(ctx)
		_ = runs.Look(ctx) // what can't be read is looked at again, and pending in the end
		if progress != nil {
			progress(len(runs.Left()))
		}
	}
	return runs.Left(), runs.Failed
}
