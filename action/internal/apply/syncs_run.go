package apply

import (
	"context"
	"fmt"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/transport"
)

// RunSyncs says what uses the connections whose credentials were written, runs their
// syncs and waits for them, for 3 minutes at most. say tells a person how it goes on. A
// sync that failed is a failure; one that is not over by then is said.
func RunSyncs(ctx context.Context, api reconcile.Users, results []reconcile.ConnectionResult, say func(text string)) []Failure {
	survey := &reconcile.Survey{API: api}
	of := map[string]reconcile.ConnectionResult{}
	var syncs []infisical.Sync
	var failures []Failure
	for _, done := range results {
		if !done.Rotated() {
			continue
		}
		of[done.ID] = done
		usage := survey.All(ctx, infisical.Connection{ID: done.ID, ProjectID: done.ProjectID})
		say(fmt.Sprintf("%s: used by %s, data sources: %d", done.Name, usage.Count(), len(usage.Sources)))
		for _, err := range usage.Missed {
			failures = append(failures, Failure{
				Subject: "connection " + done.Name, Position: done.Position, Err: fmt.Errorf("not all of its syncs could be found and run: %w", err),
			})
		}
		for _, sync := range usage.Syncs {
			say(fmt.Sprintf("  run sync %s to %s/%s", sync.Name, sync.Workspace, sync.Repository))
		}
		for _, source := range usage.Sources {
			say("  data source " + source.Name)
		}
		syncs = append(syncs, usage.Syncs...)
	}
	told := 0
	pending, failed := reconcile.RunSyncs(ctx, api, syncs, transport.Sleep, func(left int) {
		if left > 0 && left != told {
			say(fmt.Sprintf("%d of %d syncs not over yet", left, len(syncs)))
		}
		told = left
	})
	for _, sync := range pending {
		say(fmt.Sprintf("sync %s is not over yet, \"linkersync connections show %s\" tells how it ends", sync.Name, of[sync.ConnectionID].Name))
	}
	for _, failure := range failed {
		connection := of[failure.Sync.ConnectionID]
		failures = append(failures, Failure{Subject: "connection " + connection.Name, Position: connection.Position, Err: failure})
	}
	if ctx.Err() != nil && len(syncs) > 0 {
		failures = append(failures, Failure{Subject: "syncs", Err: fmt.Errorf("wait for the syncs: %w", context.Cause(ctx))})
	}
	return failures
}
