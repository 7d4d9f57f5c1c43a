package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/infisical"
)

// PlanConnections compares connections with their desired state, in their order.
// It reads one list and writes nothing.
//
// The error names everything that is wrong with the input before any call
// ([infisical.ErrInvalid]); otherwise it wraps the client's.
func PlanConnections(ctx context.Context, api Connections, desired []DesiredConnection) ([]ConnectionPlan, error) {
	desired = slices.Clone(desired)
	if err := checkConnections(desired); err != nil {
		return nil, err
	}
	there, err := listConnections(ctx, api, desired)
	if err != nil {
		return nil, err
	}
	plans := make([]ConnectionPlan, 0, len(desired))
	for _, d := range desired {
		fingerprint, err := fingerprintOf(d)
		if err != nil {
			return nil, err
		}
		var found *infisical.Connection
		if connection, exists := there[placeOf(d)]; exists {
			found = &connection
		}
		plans = append(plans, decide(d, fingerprint, found))
	}
	return plans, nil
}

// listConnections reads one list: the scope's if there is but one, else the
// organisation's, which holds every project's. An identity that only projects
// know may not read that one and takes theirs.
func listConnections(ctx context.Context, api Connections, desired []DesiredConnection) (map[place]infisical.Connection, error) {
	var scopes []string
	for _, d := range desired {
		if !slices.Contains(scopes, d.ProjectID) {
			scopes = append(scopes, d.ProjectID)
		}
	}
	there := map[place]infisical.Connection{}
	if len(scopes) > 1 {
		err := listScope(ctx, api, "", there)
		if !errors.Is(err, infisical.ErrPermission) || slices.Contains(scopes, "") {
			return there, err
		}
	}
	for _, scope := range scopes {
		if err := listScope(ctx, api, scope, there); err != nil {
			return nil, err
		}
	}
	return there, nil
}

func listScope(ctx context.Context, api Connections, projectID string, into map[place]infisical.Connection) error {
	listed, err := api.Connections(ctx, projectID)
	if err != nil {
		return fmt.Errorf("read connections: %w", err)
	}
	for _, connection := range listed {
		into[place{connection.ProjectID, connection.Name}] = connection
	}
	return nil
}

// fingerprintOf is empty without a token.
func fingerprintOf(d DesiredConnection) (string, error) {
	if d.Token.IsZero() {
		return "", nil
	}
	return Fingerprint(d.ProjectID, d.Name, d.Email, d.Token)
}

// decide compares one connection; found is nil when it doesn't exist.
func decide(d DesiredConnection, fingerprint string, found *infisical.Connection) ConnectionPlan {
	plan := ConnectionPlan{
		Name: d.Name, ProjectID: d.ProjectID, Position: d.Position, Fields: []string{},
		TokenUnknown: d.Token.IsZero(), desired: d, fingerprint: fingerprint,
	}
	if found == nil {
		plan.Action = Create
		plan.description = marked(d.Description, fingerprint)
		return plan
	}
	text, written, ours := unmarked(found.Description)
	email := found.Email != "" && !strings.EqualFold(found.Email, d.Email)
	token := d.Rewrite || !ours || fingerprint != "" && fingerprint != written
	description := d.Description != "" && d.Description != text
	if description {
		plan.Fields = append(plan.Fields, "description")
		text = d.Description
	}
	if email {
		plan.Fields = append(plan.Fields, "email")
	}
	if token {
		plan.Fields = append(plan.Fields, "token")
	}
	plan.ID = found.ID
	plan.Action = actionFor(ours, email || token, description)
	plan.NeedsYes = plan.Action == Adopt && !d.Adopt
	if !plan.writesCredentials() {
		plan.fingerprint = written
	}
	plan.description = marked(text, plan.fingerprint)
	return plan
}

func actionFor(ours, credentials, description bool) Action {
	switch {
	case !ours:
		return Adopt
	case credentials:
		return Rotate
	case description:
		return Update
	default:
		return None
	}
}
