package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkersync/linkersync/shared/infisical"
)

// Users is the part of [infisical.Client] that tells what uses connections.
type Users interface {
	Projects(ctx context.Context, projectType string) ([]infisical.Project, error)
	Syncs(ctx context.Context, projectID string) ([]infisical.Sync, error)
	DataSources(ctx context.Context, projectID string) ([]infisical.DataSource, error)
	NewestScan(ctx context.Context, dataSourceID string) (infisical.Scan, bool, error)
	Sync(ctx context.Context, id string) (infisical.Sync, error)
	RunSync(ctx context.Context, id string) (infisical.Sync, error)
}

// Usage is what uses one connection, as far as it can be read.
type Usage struct {
	Syncs   []infisical.Sync
	Sources []infisical.DataSource
	// Unknown says what can't be read: more may use the connection than is listed.
	Unknown []string
}

// Count says how many syncs use the connection: "2 syncs", or "at least 2 syncs".
func (u Usage) Count() string {
	if len(u.Unknown) > 0 {
		return "at least " + counted(len(u.Syncs), "sync")
	}
	return counted(len(u.Syncs), "sync")
}

// Survey finds what uses connections, and reads each project's lists once, because
// Infisical can't list users by connection. It is for one goroutine.
type Survey struct {
	API Users

	projects map[string]reading[infisical.Project]
	syncs    map[string]reading[infisical.Sync]
	sources  map[string]reading[infisical.DataSource]
}

// reading is a list that was read, or why it could not be.
type reading[T any] struct {
	rows []T
	err  error
}

// once reads a list, or returns what an earlier call read.
func once[T any](ctx context.Context, known *map[string]reading[T], key string, read func(context.Context, string) ([]T, error)) reading[T] {
	if found, there := (*known)[key]; there {
		return found
	}
	rows, err := read(ctx, key)
	if *known == nil {
		*known = map[string]reading[T]{}
	}
	(*known)[key] = reading[T]{rows, err}
	return (*known)[key]
}

// Syncs finds the syncs that use a connection of the project, or, without a project,
// of the organisation: then every project that the identity is in is read.
func (s *Survey) Syncs(ctx context.Context, c infisical.Connection) Usage {
	var u Usage
	for _, id := range s.scope(ctx, &u, c.ProjectID, infisical.SecretManager) {
		found := once(ctx, &s.syncs, id, s.API.Syncs)
		u.note(found.err)
		for _, sync := range found.rows {
			if sync.ConnectionID == c.ID {
				u.Syncs = append(u.Syncs, sync)
			}
		}
	}
	return u
}

// All finds the syncs and the data sources that use a connection.
func (s *Survey) All(ctx context.Context, c infisical.Connection) Usage {
	u := s.Syncs(ctx, c)
	for _, id := range s.scope(ctx, &u, c.ProjectID, infisical.SecretScanning) {
		found := once(ctx, &s.sources, id, s.API.DataSources)
		u.note(found.err)
		for _, source := range found.rows {
			if source.ConnectionID == c.ID {
				u.Sources = append(u.Sources, source)
			}
		}
	}
	return u
}

// scope returns the projects in which a connection can be used.
func (s *Survey) scope(ctx context.Context, u *Usage, projectID, projectType string) []string {
	if projectID != "" {
		return []string{projectID}
	}
	u.unknown("projects that this identity is not in")
	listed := once(ctx, &s.projects, projectType, s.API.Projects)
	u.note(listed.err)
	ids := make([]string, len(listed.rows))
	for i, project := range listed.rows {
		ids[i] = project.ID
	}
	return ids
}

// note records why a list could not be read. A project of another type has none.
func (u *Usage) note(err error) {
	if err != nil && !errors.Is(err, infisical.ErrProjectType) {
		u.unknown(err.Error())
	}
}

func (u *Usage) unknown(what string) {
	if !slices.Contains(u.Unknown, what) {
		u.Unknown = append(u.Unknown, what)
	}
}

// SyncFailure is a sync whose last run failed, or could not be started or looked at.
type SyncFailure struct {
	Sync infisical.Sync
	Err  error
}

func (f SyncFailure) Error() string {
	to := fmt.Sprintf("sync %q to %s/%s", f.Sync.Name, f.Sync.Workspace, f.Sync.Repository)
	if f.Err != nil {
		return fmt.Sprintf("%s: %v", to, f.Err)
	}
	since := "it never succeeded"
	if !f.Sync.SyncedAt.IsZero() {
		since = "no success since " + f.Sync.SyncedAt.UTC().Format(time.DateTime)
	}
	return fmt.Sprintf("%s failed (%s): %s", to, since, f.Sync.Message)
}

// Unwrap returns the error of the call, if one failed.
func (f SyncFailure) Unwrap() error { return f.Err }

// Failures are the syncs whose last run failed.
func (u Usage) Failures() (failed []SyncFailure) {
	for _, sync := range u.Syncs {
		if sync.Failed() {
			failed = append(failed, SyncFailure{Sync: sync})
		}
	}
	return failed
}

const (
	// syncPoll is how often a run is looked at; one takes from seconds to minutes.
	syncPoll = 5 * time.Second
	// maxPolls bounds the waiting for the runs, to 3 minutes.
	maxPolls = 36
)

// RunSyncs runs syncs after a rotation, since Infisical re-runs none by itself and
// leaves a failed one failed. It waits until each run is over, for 3 minutes at most;
// pending are those that were not over then. progress, if not nil, is told how many
// are under way after each look.
func RunSyncs(ctx context.Context, api Users, syncs []infisical.Sync, sleep func(context.Context, time.Duration) error, progress func(left int)) (pending []infisical.Sync, failed []SyncFailure) {
	for _, sync := range syncs {
		_, err := api.RunSync(ctx, sync.ID)
		if err != nil && !errors.Is(err, infisical.ErrBusy) {
			failed = append(failed, SyncFailure{sync, err})
			continue
		}
		pending = append(pending, sync)
	}
	for poll := range maxPolls {
		if len(pending) == 0 || poll > 0 && sleep(ctx, syncPoll) != nil {
			break
		}
		var left []infisical.Sync
		for _, sync := range pending {
			now, err := api.Sync(ctx, sync.ID)
			switch {
			case err != nil:
				failed = append(failed, SyncFailure{sync, err})
			case !now.Over():
				left = append(left, now)
			case now.Failed():
				failed = append(failed, SyncFailure{Sync: now})
			}
		}
		if pending = left; progress != nil {
			progress(len(left))
		}
	}
	return pending, failed
}
