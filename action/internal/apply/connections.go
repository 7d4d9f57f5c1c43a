package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
)

// Resolve reads the secret that a reference points at.
type Resolve func(context.Context, manifest.Reference) (redact.Secret, error)

// ErrReserved says that a manifest names a credential that is not its own.
var ErrReserved = errors.New("this is a credential of the CI or of linkersync itself, which no manifest may send anywhere: " +
	"keep the Bitbucket token in a variable or secret of its own, such as BITBUCKET_API_TOKEN")

// Connections plans, and applies if asked, the manifest's connections: one list,
// and one write for each that differs. A token that can't be read fails an apply,
// and leaves a plan that says what it could not see; one that must not be read,
// with ErrReserved, fails both.
func Connections(ctx context.Context, api reconcile.Connections, resolve Resolve, connections []manifest.Connection, apply bool, check reconcile.ConnectionOptions) (Part, error) {
	return ensure(ctx, api, resolve, connections, apply, false, check)
}

// Rotate is Connections with apply, and writes the credentials even where the
// fingerprint says that they are there: for somebody who changed them in Infisical.
func Rotate(ctx context.Context, api reconcile.Connections, resolve Resolve, connections []manifest.Connection, check reconcile.ConnectionOptions) (Part, error) {
	return ensure(ctx, api, resolve, connections, true, true, check)
}

func ensure(ctx context.Context, api reconcile.Connections, resolve Resolve, connections []manifest.Connection, apply, rewrite bool, check reconcile.ConnectionOptions) (Part, error) {
	part := Part{Applied: apply}
	desired := make([]reconcile.DesiredConnection, 0, len(connections))
	for _, connection := range connections {
		token, err := resolve(ctx, connection.Token)
		if err != nil && apply || errors.Is(err, ErrReserved) {
			part.Failures = append(part.Failures, Failure{Subject: "connection " + connection.Name, Position: connection.Position, Err: err, alone: true})
			continue
		}
		wanted := reconcile.Desire(connection, token)
		wanted.Rewrite = rewrite
		desired = append(desired, wanted)
	}
	if len(desired) == 0 {
		return part, nil
	}
	plans, err := reconcile.PlanConnections(ctx, api, desired)
	if err != nil {
		return part, fmt.Errorf("plan connections: %w", err)
	}
	part.Plan.Connections = plans
	if !apply {
		return part, nil
	}
	results, err := reconcile.ApplyConnections(ctx, api, plans, check)
	part.Result.Connections = results
	for _, result := range results {
		if result.Error != "" {
			part.Failures = append(part.Failures, Failure{Subject: "connection " + result.Name, Position: result.Position, Err: errors.New(result.Error)})
		}
	}
	if err != nil && len(part.Failures) == 0 {
		return part, err
	}
	return part, nil
}
