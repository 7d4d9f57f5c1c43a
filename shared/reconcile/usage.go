package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/infisical"
)

// Users is the part of [infisical.Client] that tells what uses connections.
type Users interface {
	Projects(ctx context.Context, projectType string) ([]infisical.Project, error)
	Syncs(ctx context.Context, projectID string) ([]infisical.Sync, error)
	DataSources(ctx context.Context, projectID string) ([]infisical.DataSource, error)
	NewestScan(ctx context.Context, dataSourceID string) (infisical.Scan, bool, error)
	RunSync(ctx context.Context, id string) (infisical.Sync, error)
}

// Usage is what uses one connection, as far as it can be read.
type Usage struct {
	Syncs   []infisical.Sync
	Sources []infisical.DataSource
	// Unknown says what can't be read: more may use the connection than is listed.
	Unknown []string
	// Missed are the lists among that which Infisical had no answer for.
	Missed []error
}

// Count says how many syncs use the connection: "2 syncs", or "at least 2 syncs".
func (u Usage) Count() string {
	if len(u.Unknown) > 0 {
		return "at least " + counted(len(u.Syncs), "sync")
	}
	return counted(len(u.Syncs), "sync")
}

// Survey finds what uses connections, and reads each project's lists once, because
// Infisical can't list users by connection. Safe for concurrent use.
type Survey struct {
	API Users

	projects lists[infisical.Project]
	syncs    lists[infisical.Sync]
	sources  lists[infisical.DataSource]
}

// lists are lists that were read, by their key, or why they could not be.
type lists[T any] struct {
	mu    sync.Mutex
	known map[string]func() ([]T, error)
}

// once reads a list, or returns what an earlier call read.
func (l *lists[T]) once(ctx context.Context, key string, read func(context.Context, string) ([]T, error)) ([]T, error) {
	l.mu.Lock()
	if l.known == nil {
		l.known = map[string]func() ([]T, error){}
	}
	reading, there := l.known[key]
	if !there {
		reading = sync.OnceValues(func() ([]T, error) { return read(ctx, key) })
		l.known[key] = reading
	}
	l.mu.Unlock()
	return reading()
}

// inEach reads a list of each project, some at a time, and keeps the order.
func inEach[T any](ctx context.Context, u *Usage, projects []string, l *lists[T], read func(context.Context, string) ([]T, error)) []T {
	found, failed := make([][]T, len(projects)), make([]error, len(projects))
	inParallel(len(projects), func(i int) { found[i], failed[i] = l.once(ctx, projects[i], read) })
	for _, err := range failed {
		u.note(err)
	}
	return slices.Concat(found...)
}

// scopesAtOnce bounds the scopes that are worked on at a time, so that a slow one holds
// up no other and the server isn't flooded.
const scopesAtOnce = 8

// inParallel calls work with 0 to n-1 and waits for all of them.
func inParallel(n int, work func(i int)) {
	var group errgroup.Group
	group.SetLimit(scopesAtOnce)
	for i := range n {
		group.Go(func() error { work(i); return nil })
	}
	_ = group.Wait() // no work returns an error
}

// Syncs finds the syncs that use a connection of the project, or, without a project,
// of the organisation: then every project that the identity is in is read.
func (s *Survey) Syncs(ctx context.Context, c infisical.Connection) Usage {
	var u Usage
	for _, sync := range inEach(ctx, &u, s.scope(ctx, &u, c.ProjectID, infisical.SecretManager), &s.syncs, s.API.Syncs) {
		if sync.ConnectionID == c.ID {
			u.Syncs = append(u.Syncs, sync)
		}
	}
	return u
}

// All finds the syncs and the data sources that use a connection.
func (s *Survey) All(ctx context.Context, c infisical.Connection) Usage {
	u := s.Syncs(ctx, c)
	for _, source := range inEach(ctx, &u, s.scope(ctx, &u, c.ProjectID, infisical.SecretScanning), &s.sources, s.API.DataSources) {
		if source.ConnectionID == c.ID {
			u.Sources = append(u.Sources, source)
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
	listed, err := s.projects.once(ctx, projectType, s.API.Projects)
	u.note(err)
	ids := make([]string, len(listed))
	for i, project := range listed {
		ids[i] = project.ID
	}
	return ids
}

// note records why a list could not be read. A project of another type has none.
func (u *Usage) note(err error) {
	if err != nil && !errors.Is(err, infisical.ErrProjectType) {
		u.unknown(err.Error())
		if !answered(err) || errors.Is(err, infisical.ErrRateLimited) {
			u.Missed = append(u.Missed, err)
		}
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
	to := fmt.Sprintf("sync %q to %s", f.Sync.Name, targetText(infisical.Target{Workspace: f.Sync.Workspace, Repository: f.Sync.Repository}))
	if f.Sync.Name == "" { // nothing but its ID is known
		to = fmt.Sprintf("sync %s of project %s", f.Sync.ID, f.Sync.ProjectID)
	}
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
