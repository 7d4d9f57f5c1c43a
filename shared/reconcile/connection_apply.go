package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

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
// Scopes are worked on side by side, and connections of one scope in their order. One
// connection's failure doesn't keep the others from being tried, unless it is one that
// all would meet, such as a refused login or a rate limit. The error joins those of all
// connections. Running it again is always right.
func ApplyConnections(ctx context.Context, api Connections, plans []ConnectionPlan, options ConnectionOptions) ([]ConnectionResult, error) {
	results, failures := make([]ConnectionResult, len(plans)), make([]error, len(plans))
	var ended atomic.Bool
	byScope(plans, func(p ConnectionPlan) string { return p.ProjectID }, func(i int) {
		if ended.Load() {
			results[i] = resultOf(plans[i], plans[i], nil)
			results[i].Outcome, results[i].Error = NotDone, "not tried, because of the failure before it"
			return
		}
		done, err := ensure(ctx, api, plans[i], options)
		results[i], failures[i] = resultOf(plans[i], done, err), err
		if meetsAll(ctx, err) {
			ended.Store(true)
		}
	})
	return results, errors.Join(failures...)
}

func resultOf(plan, done ConnectionPlan, err error) ConnectionResult {
	result := ConnectionResult{
		Name: done.Name, ProjectID: done.ProjectID, ID: done.ID,
		Action: done.Action, Fields: done.Fields, Drift: plan.Drift, Kept: plan.Kept, Position: done.Position,
	}
	if err != nil {
		result.Outcome, result.Error, result.err = outcomeOf(err), err.Error(), err
	}
	return result
}

// errStored is a write whose answer differs from what was asked.
var errStored = errors.New("it was stored, but not as sent")

// outcomeOf says what an error leaves known. Only a write without an answer that
// could not be looked up, or that was stored otherwise than sent, leaves it open.
func outcomeOf(err error) Outcome {
	if _, open := errors.AsType[*UnknownOutcomeError](err); open || errors.Is(err, errStored) {
		return Unknown
	}
	return NotDone
}

// meetsAll tells whether every further call would fail, too. Input that the client
// refused is the login's: the connections were checked before.
func meetsAll(ctx context.Context, err error) bool {
	if _, login := errors.AsType[*infisical.InputError](err); login || err != nil && ctx.Err() != nil {
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
// deleted since the plan are read again and decided anew. A write without an
// answer is looked up, and not repeated.
func ensure(ctx context.Context, api Connections, plan ConnectionPlan, options ConnectionOptions) (ConnectionPlan, error) {
	switch {
	case plan.err != nil:
		return plan, plan.err
	case plan.desired.Name == "":
		return plan, fmt.Errorf("ensure connection %q: its plan is a copy that lacks the credentials, plan again", plan.Name)
	case plan.Action == Delete && !plan.NeedsYes:
		return remove(ctx, api, plan)
	}
	for try := 1; plan.Changed(); try++ {
		if err := permit(ctx, plan, options); err != nil {
			return plan, err
		}
		row, err := write(ctx, api, plan)
		if err == nil {
			return confirm(ctx, api, plan, row)
		}
		lost := errors.Is(err, infisical.ErrNameTaken) || errors.Is(err, infisical.ErrNotFound)
		if !lost && answered(err) || try == maxTries {
			return plan, err
		}
		if ctx.Err() != nil {
			return plan, &UnknownOutcomeError{Name: plan.Name, ProjectID: plan.ProjectID, Err: err, LookUp: ctx.Err()}
		}
		again, readErr := replan(ctx, api, plan)
		switch {
		case readErr != nil && lost:
			return plan, err
		case readErr != nil:
			return plan, &UnknownOutcomeError{Name: plan.Name, ProjectID: plan.ProjectID, Err: err, LookUp: readErr}
		case !lost && again.provesWrite(plan):
			again.Action, again.Fields = plan.Action, plan.Fields
			return again, nil
		case !lost, plan.Action == Create && again.Action == Create: // The name is another app's.
			return plan, err
		}
		plan = again
	}
	return plan, nil
}

// provesWrite tells whether the plan that followed an unanswered write shows that
// the write happened: nothing is left to do but to complete the mark. Where the
// fingerprint was the same before, only a new credentialsHash shows it.
func (p ConnectionPlan) provesWrite(before ConnectionPlan) bool {
	if p.writesCredentials() || p.Changed() && !slices.Equal(p.Fields, []string{"mark"}) {
		return false
	}
	return !before.desired.Rewrite && before.Drift == "" || p.hash != "" && p.hash != before.hash
}

// Ready checks before the first write what would keep the plan from being carried out:
// a connection that could not be compared, one of somebody else ([UnmanagedError]), a
// missing token, a token that options.CheckToken refuses. It writes nothing, and nil
// stands for a plan that needs nothing, too.
func (p ConnectionPlan) Ready(ctx context.Context, options ConnectionOptions) error {
	if p.err != nil || !p.Changed() {
		return p.err
	}
	return permit(ctx, p, options)
}

func permit(ctx context.Context, plan ConnectionPlan, options ConnectionOptions) error {
	d := plan.desired
	switch {
	case plan.Action == Delete && !plan.NeedsYes:
		return nil
	case plan.Action == Delete:
		return plan.guard
	case plan.NeedsYes:
		return &UnmanagedError{Name: d.Name, ProjectID: d.ProjectID, ID: plan.ID, Owner: plan.Owner, Doing: "take over"}
	}
	if units(plan.text) > maxText(plan.mark.owner) {
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
			Name: d.Name, ProjectID: d.ProjectID, Description: plan.description(), Credentials: credentials,
		})
	} else {
		description := plan.description()
		change := infisical.ConnectionChange{Description: &description}
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

// confirm compares the answer with what was asked, field by field: an older server
// may have dropped or changed a field, and every run would write it again. Then it
// completes the mark.
func confirm(ctx context.Context, api Connections, plan ConnectionPlan, row infisical.Connection) (ConnectionPlan, error) {
	d := plan.desired
	if row.ProjectID != d.ProjectID {
		wrong := &WrongScopeError{Name: d.Name, ProjectID: d.ProjectID, ID: row.ID, Got: row.ProjectID, Made: plan.Action == Create}
		wrong.Removed = wrong.Made && api.Delete(ctx, row.ID) == nil
		return plan, wrong
	}
	var differs []string
	for _, field := range []struct {
		name, got string
		same      bool
	}{
		{"name", row.Name, row.Name == d.Name},
		{"description", row.Description, tidy(row.Description) == tidy(plan.description())},
		{"email", row.Email, !plan.writesCredentials() || row.Email == "" || strings.EqualFold(row.Email, d.Email)},
	} {
		if !field.same {
			differs = append(differs, field.name+" "+quote(field.got))
		}
	}
	if len(differs) > 0 {
		return plan, fmt.Errorf("verify connection %s: %w (%s); this Infisical may be too old",
			placeOf(d), errStored, strings.Join(differs, ", "))
	}
	plan.ID = row.ID
	if plan.writesCredentials() && shortHash(row.CredentialsHash) != "" {
		plan.mark.hash = shortHash(row.CredentialsHash)
		description := plan.description()
		// The hash is known only now. When this write fails, the next run makes it: the
		// mark has no hash until then, and the credentials are right.
		_, _ = api.Update(ctx, plan.ID, infisical.ConnectionChange{Description: &description})
	}
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

// replan looks the connection up and decides anew. What somebody wrote in between
// is judged by its fingerprint.
func replan(ctx context.Context, api Connections, plan ConnectionPlan) (ConnectionPlan, error) {
	d := plan.desired
	d.Rewrite = false
	fingerprint, err := fingerprintOf(d)
	if err != nil {
		return plan, err
	}
	found, err := lookUp(ctx, api, placeOf(d))
	if err != nil {
		return plan, err
	}
	return decide(d, fingerprint, found), nil
}
