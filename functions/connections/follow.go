package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// follow looks after what uses the connections: after a rotation the syncs are run,
// and the daily check looks at each sync and at the newest scan of each data source.
func (p *pass) follow(ctx context.Context, api reconcile.Users, results []reconcile.ConnectionResult) {
	survey := &reconcile.Survey{API: api}
	for _, done := range results {
		if done.Error != "" || done.ID == "" {
			continue
		}
		connection := infisical.Connection{ID: done.ID, Name: done.Name, ProjectID: done.ProjectID}
		rotated := done.Action == reconcile.Rotate || done.Action == reconcile.Adopt
		switch {
		case rotated:
			usage := survey.Syncs(ctx, connection)
			p.used(ctx, done.Name, usage)
			p.run(ctx, api, done.Name, usage.Syncs)
		case p.thorough:
			usage := survey.All(ctx, connection)
			p.used(ctx, done.Name, usage)
			for _, failed := range usage.Failures() {
				p.failSync(ctx, done.Name, failed)
			}
			p.scans(ctx, api, done.Name, usage.Sources)
		}
	}
}

// used says how many syncs use a connection, and what can't be read about that.
func (p *pass) used(ctx context.Context, connection string, usage reconcile.Usage) {
	p.log.InfoContext(ctx, "connection in use", slog.String("connection", connection), slog.String("syncs", usage.Count()),
		slog.Int("data_sources", len(usage.Sources)), slog.Any("unknown", usage.Unknown))
}

// run runs the syncs of a rotated connection and waits for them, as long as there is
// time.
func (p *pass) run(ctx context.Context, api reconcile.Users, connection string, syncs []infisical.Sync) {
	pending, failed := reconcile.RunSyncs(ctx, api, syncs, p.sleep, nil)
	for _, sync := range pending {
		p.log.WarnContext(ctx, "sync is not over yet, the daily check looks again", slog.String("connection", connection),
			slog.String("sync", sync.Name), slog.String("repository", sync.Workspace+"/"+sync.Repository))
	}
	for _, failure := range failed {
		p.failSync(ctx, connection, failure)
	}
}

func (p *pass) failSync(ctx context.Context, connection string, failed reconcile.SyncFailure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, fmt.Errorf("connection %q: %w", connection, failed))
	p.log.ErrorContext(ctx, "sync failed", slog.String("connection", connection), slog.String("error", failed.Error()))
}

// scans looks at the newest scan of each data source.
func (p *pass) scans(ctx context.Context, api reconcile.Users, connection string, sources []infisical.DataSource) {
	for _, source := range sources {
		scan, found, err := api.NewestScan(ctx, source.ID)
		switch {
		case err != nil:
			p.log.InfoContext(ctx, "scan is unknown", slog.String("data_source", source.Name), slog.String("error", err.Error()))
		case found && scan.Status == "failed":
			p.failures = append(p.failures, fmt.Errorf("connection %q: the newest scan of data source %q failed: %s", connection, source.Name, scan.Message))
			p.log.ErrorContext(ctx, "scan failed", slog.String("connection", connection), slog.String("data_source", source.Name), slog.String("message", scan.Message))
		}
	}
}
