package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// follow looks after what uses the connections: after a rotation the syncs are run,
// and the daily check looks at each sync and at the newest scan of each data source.
func (p *part) follow(ctx context.Context) {
	survey := &reconcile.Survey{API: p.api}
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, done := range p.results {
		if done.Error != "" || done.ID == "" {
			continue
		}
		connection := infisical.Connection{ID: done.ID, Name: done.Name, ProjectID: done.ProjectID}
		if done.Rotated() || p.thorough {
			group.Go(func() error {
				p.look(ctx, survey, connection, done.Rotated())
				return nil
			})
		}
	}
	_ = group.Wait() // failures are noted one by one
}

// look looks after what uses one connection.
func (p *part) look(ctx context.Context, survey *reconcile.Survey, connection infisical.Connection, rotated bool) {
	if rotated {
		usage := survey.Syncs(ctx, connection)
		p.used(ctx, connection.Name, usage)
		if err := errors.Join(usage.Missed...); err != nil {
			p.note(ctx, fmt.Errorf("connection %q: it was written, and not all of its syncs could be found and run: %w", connection.Name, err))
		}
		p.run(ctx, connection.Name, usage.Syncs)
		return
	}
	usage := survey.All(ctx, connection)
	p.used(ctx, connection.Name, usage)
	p.syncsFailed(ctx, connection.Name, usage.Failures()...)
	p.scans(ctx, connection.Name, usage.Sources)
}

// used says how many syncs use a connection, and what can't be read about that.
func (p *part) used(ctx context.Context, connection string, usage reconcile.Usage) {
	p.log.InfoContext(ctx, "connection in use", slog.String("connection", connection), slog.String("syncs", usage.Count()),
		slog.Int("data_sources", len(usage.Sources)), slog.Any("unknown", usage.Unknown))
}

// run runs the syncs of a rotated connection. A run takes minutes, so a message in the
// queue looks how it ended.
func (p *part) run(ctx context.Context, connection string, syncs []infisical.Sync) {
	runs := &reconcile.Runs{API: p.api, Unstarted: syncs}
	runs.Start(ctx)
	p.syncsFailed(ctx, connection, runs.Failed...)
	if err := p.lookLater(ctx, look{Organization: p.organization, Connection: connection}, runs); err != nil {
		p.note(ctx, fmt.Errorf("connection %q: its syncs run, and nobody looks how they end: %w", connection, err))
	}
}

// syncsFailed notes failed syncs. They are no failure of the invocation, which a
// repetition would not mend, but have an alarm of their own.
func (p *pass) syncsFailed(ctx context.Context, connection string, failed ...reconcile.SyncFailure) {
	for _, failure := range failed {
		p.syncFailed(ctx, connection, failure.Error())
	}
}

func (p *pass) syncFailed(ctx context.Context, connection, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failedSyncs = append(p.failedSyncs, fmt.Sprintf("connection %q: %s", connection, text))
	p.log.WarnContext(ctx, "sync failed", slog.String("connection", connection), slog.String("error", text))
}

// scans looks at the newest scan of each data source.
func (p *part) scans(ctx context.Context, connection string, sources []infisical.DataSource) {
	for _, source := range sources {
		scan, found, err := p.api.NewestScan(ctx, source.ID)
		switch {
		case err != nil:
			p.log.InfoContext(ctx, "scan is unknown", slog.String("data_source", source.Name), slog.String("error", err.Error()))
		case found && scan.Status == "failed":
			p.syncFailed(ctx, connection, fmt.Sprintf("the newest scan of data source %q failed: %s", source.Name, scan.Message))
		}
	}
}
