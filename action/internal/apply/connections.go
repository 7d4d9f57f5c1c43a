package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
)

// ErrReserved says that a manifest names a credential that is not its own.
var ErrReserved = errors.New("this is a credential of the CI or of linkersync itself, which no manifest may send anywhere: " +
	"keep the Bitbucket token in a variable or secret of its own, such as BITBUCKET_API_TOKEN")

// Tokens reads and checks the tokens of connections.
type Tokens struct {
	// Resolve reads the secret that a reference points at.
	Resolve func(context.Context, manifest.Reference) (redact.Secret, error)
	// Check asks Bitbucket whether a token works for the account; nil leaves it unasked.
	Check func(ctx context.Context, email string, token redact.Secret) error
	// Count asks Bitbucket how many variables a sync's target has; nil leaves it unasked.
	Count func(ctx context.Context, email string, token redact.Secret, sync manifest.Sync) (int, error)
	// Owner is written into the mark of each connection; empty when there is none.
	Owner string
	// Prune deletes the owner's connections that the manifest doesn't name; AllowPrune
	// permits it for most of them.
	Prune, AllowPrune bool
	// Adopt takes over connections of others, and accepts credentials that somebody
	// changed in Infisical.
	Adopt bool
}

// Connections plans, and applies if asked, the manifest's connections: one list, and
// one write for each that differs. A connection whose token can't be read, or is refused
// by Bitbucket, is a failure of the part and keeps no other from being written.
func Connections(ctx context.Context, api reconcile.API, tokens Tokens, connections []manifest.Connection, apply bool) (Part, error) {
	return tokens.ensure(ctx, api, connections, apply, false)
}

// Rotate is Connections with apply. It also writes credentials that look unchanged, for
// a connection whose credentials were changed in Infisical.
func Rotate(ctx context.Context, api reconcile.API, tokens Tokens, connections []manifest.Connection) (Part, error) {
	return tokens.ensure(ctx, api, connections, true, true)
}

func (t Tokens) ensure(ctx context.Context, api reconcile.API, connections []manifest.Connection, apply, rewrite bool) (Part, error) {
	plan, err := t.plan(ctx, api, connections, apply, rewrite)
	if err == nil && apply {
		plan.apply(ctx, api)
	}
	return plan.part, err
}

// planned are connections before their first write.
type planned struct {
	part Part
	// ready are the plans of the connections whose token is there and works.
	ready []reconcile.ConnectionPlan
	// desired are the connections, with the tokens that could be read.
	desired []reconcile.DesiredConnection
}

// plan checks what can be checked without a write: the references, what Infisical has,
// and the tokens at Bitbucket. A connection that needs a yes is shown as such in a plan,
// and is a failure when it is to be written.
func (t Tokens) plan(ctx context.Context, api reconcile.API, connections []manifest.Connection, write, rewrite bool) (*planned, error) {
	p := &planned{}
	unread := map[[2]string]bool{}
	for _, connection := range connections {
		token, err := t.Resolve(ctx, connection.Token)
		if err != nil {
			p.fail(connection.Name, connection.Position, err)
			unread[[2]string{connection.ProjectID, connection.Name}] = true
		}
		if errors.Is(err, ErrReserved) {
			continue
		}
		wanted := reconcile.Desire(connection, token)
		wanted.Rewrite, wanted.Owner = rewrite, t.Owner
		wanted.Adopt, wanted.Accept = wanted.Adopt || t.Adopt, t.Adopt
		p.desired = append(p.desired, wanted)
	}
	if len(p.desired) == 0 {
		return p, nil
	}
	plans, err := reconcile.PlanConnections(ctx, api, p.desired)
	if err != nil {
		return p, fmt.Errorf("plan connections: %w", err)
	}
	if t.Prune {
		pruned, err := t.prune(ctx, api, connections)
		if err != nil {
			return p, err
		}
		plans = append(plans, pruned...)
	}
	p.part.Plan.Connections = plans
	for _, plan := range plans {
		if unread[[2]string{plan.ProjectID, plan.Name}] {
			continue
		}
		err := plan.Ready(ctx, reconcile.ConnectionOptions{CheckToken: t.Check})
		if err != nil && (write || !plan.NeedsYes) {
			p.fail(plan.Name, plan.Position, err)
			continue
		}
		p.ready = append(p.ready, plan)
	}
	return p, nil
}

// prune keeps what the manifest names, even where its token can't be read.
func (t Tokens) prune(ctx context.Context, api reconcile.API, connections []manifest.Connection) ([]reconcile.ConnectionPlan, error) {
	keep := make([]reconcile.DesiredConnection, len(connections))
	for i, connection := range connections {
		keep[i] = reconcile.Desire(connection, redact.Secret{})
	}
	return reconcile.PlanPrune(ctx, api, keep, t.Owner, t.AllowPrune)
}

func (p *planned) fail(name string, position manifest.Position, err error) {
	p.part.Failures = append(p.part.Failures, Failure{Subject: "connection " + name, Position: position, Err: err})
}

// apply writes the connections that are ready.
func (p *planned) apply(ctx context.Context, api reconcile.Connections) {
	p.part.Applied = true
	results, err := reconcile.ApplyConnections(ctx, api, p.ready, reconcile.ConnectionOptions{})
	p.part.Result.Connections = results
	failed := false
	for _, result := range results {
		if result.Error != "" {
			failed = true
			p.part.Failures = append(p.part.Failures, Failure{Subject: "connection " + result.Name, Position: result.Position, Err: cmp.Or(result.Cause(), errors.New(result.Error))})
		}
	}
	if err != nil && !failed {
		p.part.Failures = append(p.part.Failures, Failure{Subject: "connections", Err: err})
	}
}
