package apply

import (
	"context"
	"errors"
	"slices"

	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// planSyncs looks at the manifest's syncs before the first write. Projects are
// independent, so one that fails keeps no other from being applied.
func (f *Flow) planSyncs(ctx context.Context, api reconcile.Syncs, p *planned) error {
	if len(f.Manifest.Syncs) == 0 {
		return nil
	}
	plans, err := reconcile.PlanSyncs(ctx, api, f.Manifest.Syncs, p.part.Plan.Connections, reconcile.SyncOptions{
		Owner: f.Tokens.Owner, Adopt: f.Tokens.Adopt, Prune: f.Manifest.PruneSyncs, AllowRisks: f.Options.AllowSyncRisks,
		CountVariables: f.Tokens.counter(p),
	})
	if err != nil {
		return err
	}
	p.part.Plan.Syncs = plans
	for _, plan := range plans {
		if cause := plan.Cause(); cause != nil && !f.Options.Apply {
			p.part.failSync(plan.Name, plan.Position, cause)
		}
	}
	return nil
}

func (p *Part) failSync(name string, position manifest.Position, err error) {
	p.Failures = append(p.Failures, Failure{Subject: "sync " + name, Position: position, Err: err})
}

// counter asks Bitbucket about a sync's target with the token of its connection.
func (t Tokens) counter(p *planned) func(context.Context, manifest.Sync) (int, error) {
	return func(ctx context.Context, sync manifest.Sync) (int, error) {
		for _, connection := range p.desired {
			if connection.Name == sync.Connection && connection.ProjectID == sync.ConnectionProject() && !connection.Token.IsZero() && t.Count != nil {
				return t.Count(ctx, connection.Email, connection.Token, sync)
			}
		}
		return 0, errNoToken
	}
}

var errNoToken = errors.New("there is no token to ask Bitbucket with")

// applySyncs deletes syncs, or writes those that stay. Deletes come before the connections
// are written, the others after them.
func (p *planned) applySyncs(ctx context.Context, api reconcile.Syncs, deletes bool) {
	plans := slices.DeleteFunc(slices.Clone(p.part.Plan.Syncs), func(plan reconcile.SyncPlan) bool {
		return (plan.Action == reconcile.Delete) != deletes
	})
	results, _ := reconcile.ApplySyncs(ctx, api, plans, p.part.Result.Connections) // each failure is in a result
	for _, result := range results {
		if err := result.Cause(); err != nil {
			p.part.failSync(result.Name, result.Position, err)
		}
	}
	p.part.Result.Syncs = append(p.part.Result.Syncs, results...)
}
