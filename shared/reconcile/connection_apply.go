package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

// maxTries of one connection: two other writers may come in between, a third is
// a fight that somebody has to look at.
const maxTries = 3

// ConnectionOptions of an apply.
type ConnectionOptions struct {
	// CheckToken, when set, is asked before credentials are written, so that its
	// answer, not Infisical's vague one, tells which scope or date is wrong.
	CheckToken func(ctx context.Context, email string, token redact.Secret) error
}

// ApplyConnections carries out the plans that [PlanConnections] just made, each
// with one write at most, and none where nothing is to be done. Results are in
// the order of the plans, one for each.
//
// One connection's failure doesn't keep the others from being tried, unless it
// is one that all would meet, such as a refused login or a rate limit. The error
// joins those of all connections. Running it again is always right.
func ApplyConnections(ctx context.Context, api Connections, plans []ConnectionPlan, options ConnectionOptions) ([]ConnectionResult, error) {
	results := make([]ConnectionResult, 0, len(plans))
	var failures []error
	var ended error
	for _, plan := range plans {
		done, err := plan, ended
		if ended == nil {
			done, err = ensure(ctx, api, plan, options)
		}
		result := ConnectionResult{
			Name: done.Name, ProjectID: done.ProjectID, ID: done.ID,
			Action: done.Action, Fields: done.Fields, Position: done.Position,
		}
		switch {
		case err == nil:
		case ended != nil:
			result.Error = "not tried, because of the failure before it"
		default:
			result.Error = err.Error()
			failures = append(failures, err)
			if meetsAll(ctx, err) {
				ended = err
			}
		}
		results = append(results, result)
	}
	return results, errors.Join(failures...)
}

func meetsAll(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	for _, sentinel := range []error{
		infisical.ErrRateLimited, infisical.ErrLoginRefused, infisical.ErrTokenExpired,
		infisical.ErrUnauthorized, infisical.ErrUnsupported,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// ensure writes one connection. A name that was taken and a connection that was
// deleted since the plan are read again and decided anew. A write of unknown
// outcome is looked up, and not repeated; a rewrite can't be looked up, because
// the fingerprint was the same before.
func ensure(ctx context.Context, api Connections, plan ConnectionPlan, options ConnectionOptions) (ConnectionPlan, error) {
	if plan.desired.Name == "" {
		return plan, fmt.Errorf("ensure connection %q: its plan is a copy that lacks the credentials, plan again", plan.Name)
	}
	for try := 1; plan.Changed(); try++ {
		if err := permit(ctx, plan, options); err != nil {
			return plan, err
		}
		row, err := write(ctx, api, plan)
		if err == nil {
			return confirm(plan, row)
		}
		lost := errors.Is(err, infisical.ErrNameTaken) || errors.Is(err, infisical.ErrNotFound)
		if !lost && answered(err) || try == maxTries || ctx.Err() != nil {
			return plan, err
		}
		again, readErr := replan(ctx, api, plan)
		switch {
		case readErr != nil:
			return plan, err
		case again.Action == None && !lost && !plan.desired.Rewrite:
			again.Action, again.Fields = plan.Action, plan.Fields // It was our write that did it.
			return again, nil
		case !lost, plan.Action == Create && again.Action == Create: // The name is another app's.
			return plan, err
		}
		plan = again
	}
	return plan, nil
}

// Ready checks before the first write what would keep the plan from being carried out:
// a connection of somebody else ([UnmanagedError]), a missing token, a token that
// options.CheckToken refuses. It writes nothing, and nil stands for a plan that needs
// nothing, too.
func (p ConnectionPlan) Ready(ctx context.Context, options ConnectionOptions) error {
	if !p.Changed() {
		return nil
	}
	return permit(ctx, p, options)
}

func permit(ctx context.Context, plan ConnectionPlan, options ConnectionOptions) error {
	d := plan.desired
	if plan.NeedsYes {
		return &UnmanagedError{Name: d.Name, ProjectID: d.ProjectID, ID: plan.ID, Doing: "take over"}
	}
	if units(plan.description) > infisical.MaxDescription {
		return fmt.Errorf("%s connection %s: its description in Infisical leaves no room for linkersync's mark, set a shorter one in the manifest", plan.Action, placeOf(d))
	}
	if !plan.writesCredentials() {
		return nil
	}
	if d.Token.IsZero() {
		return fmt.Errorf("%s connection %s: it needs the token, and the plan was made without", plan.Action, placeOf(d))
	}
	if options.CheckToken != nil {
		if err := options.CheckToken(ctx, d.Email, d.Token); err != nil {
			return fmt.Errorf("check token of connection %s: %w", placeOf(d), err)
		}
	}
	return nil
}

func write(ctx context.Context, api Connections, plan ConnectionPlan) (infisical.Connection, error) {
	d := plan.desired
	credentials := infisical.Credentials{Email: d.Email, APIToken: d.Token}
	var row infisical.Connection
	var err error
	if plan.Action == Create {
		row, err = api.Create(ctx, infisical.NewConnection{
			Name: d.Name, ProjectID: d.ProjectID, Description: plan.description, Credentials: credentials,
		})
	} else {
		change := infisical.ConnectionChange{Description: &plan.description}
		if plan.writesCredentials() {
			change.Credentials = &credentials
		}
		row, err = api.Update(ctx, plan.ID, change)
	}
	if err != nil {
		return row, fmt.Errorf("%s connection %s: %w", plan.Action, placeOf(d), err)
	}
	return row, nil
}

// confirm holds the answer to the plan: an older server may have dropped or
// changed a field, and every run would write it again.
func confirm(plan ConnectionPlan, row infisical.Connection) (ConnectionPlan, error) {
	d := plan.desired
	d.Rewrite = false
	if decide(d, plan.fingerprint, &row).Changed() || row.Name != d.Name {
		return plan, fmt.Errorf("verify connection %s: it was stored, but not as sent (name %s, description %s); this Infisical may be too old",
			placeOf(d), quote(row.Name), quote(row.Description))
	}
	plan.ID = row.ID
	return plan, nil
}

// answered: Infisical refused, and so nothing was written. Anything else, a
// time-out or a 500, leaves that open.
func answered(err error) bool {
	var refused *infisical.APIError
	if errors.As(err, &refused) {
		return refused.Status >= http.StatusBadRequest && refused.Status < http.StatusInternalServerError
	}
	return errors.Is(err, infisical.ErrInvalid)
}

func replan(ctx context.Context, api Connections, plan ConnectionPlan) (ConnectionPlan, error) {
	d := plan.desired
	d.Rewrite = false // Whoever came in between wrote what the fingerprint says.
	fingerprint, err := fingerprintOf(d)
	if err != nil {
		return plan, err
	}
	row, err := api.ConnectionByName(ctx, d.Name, d.ProjectID)
	if errors.Is(err, infisical.ErrNotFound) {
		return decide(d, fingerprint, nil), nil
	}
	if err != nil {
		return plan, err
	}
	return decide(d, fingerprint, &row), nil
}
