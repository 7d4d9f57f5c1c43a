package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/infisical"
)

// PlanConnections compares connections with their desired state, in their order.
// It reads a list for each scope, or one for all, and looks up by name what the one
// for all lacks: a role may hide rows of it. It writes nothing.
//
// Scopes are independent. A connection whose scope can't be read has a plan with
// an Error. The error is for all: it names everything that is wrong with the input
// before any call ([infisical.ErrInvalid]), or is one that every call would meet,
// such as a refused login.
func PlanConnections(ctx context.Context, api Connections, desired []DesiredConnection) ([]ConnectionPlan, error) {
	desired = slices.Clone(desired)
	if err := checkConnections(desired); err != nil {
		return nil, err
	}
	there := listScopes(ctx, api, desired)
	if there.ended != nil {
		return nil, fmt.Errorf("read connections: %w", there.ended)
	}
	plans := make([]ConnectionPlan, len(desired))
	byScope(desired, func(d DesiredConnection) string { return d.ProjectID }, func(i int) {
		plans[i] = planOne(ctx, api, there, desired[i])
	})
	return plans, nil
}

func planOne(ctx context.Context, api Connections, there listing, d DesiredConnection) ConnectionPlan {
	fingerprint, err := fingerprintOf(d)
	var found *infisical.Connection
	if err == nil {
		found, err = there.find(ctx, api, placeOf(d))
	}
	if err != nil {
		return failedPlan(d, fmt.Errorf("read connection %s: %w", placeOf(d), err))
	}
	return decide(d, fingerprint, found)
}

// byScope calls work with each index of the list: scopes side by side, and those of one
// scope in their order.
func byScope[T any](list []T, scope func(T) string, work func(i int)) {
	groups := map[string][]int{}
	for i, one := range list {
		groups[scope(one)] = append(groups[scope(one)], i)
	}
	names := slices.Sorted(maps.Keys(groups))
	inParallel(len(names), func(n int) {
		for _, i := range groups[names[n]] {
			work(i)
		}
	})
}

// listing is what the lists of some scopes hold, or why a scope has none.
type listing struct {
	rows   map[place]infisical.Connection
	failed map[string]error
	// own are the scopes that were listed by themselves.
	own map[string]bool
	// ended is a failure that every further call would meet, too.
	ended error
}

// listScopes reads one list: the scope's if there is but one, else the
// organisation's, which holds every project's. Where that one can't be read, each
// scope's own is.
func listScopes(ctx context.Context, api Connections, desired []DesiredConnection) listing {
	var scopes []string
	for _, d := range desired {
		if !slices.Contains(scopes, d.ProjectID) {
			scopes = append(scopes, d.ProjectID)
		}
	}
	l := listing{rows: map[place]infisical.Connection{}, failed: map[string]error{}, own: map[string]bool{}}
	if len(scopes) > 1 {
		listed, err := api.Connections(ctx, "")
		if l.keep("", listed, err); meetsAll(ctx, err) {
			l.ended = err
		}
		if err == nil || l.ended != nil {
			return l
		}
	}
	scopes = slices.DeleteFunc(scopes, func(scope string) bool { return l.failed[scope] != nil })
	var mu sync.Mutex
	inParallel(len(scopes), func(i int) {
		mu.Lock()
		ended := l.ended != nil
		mu.Unlock()
		if ended {
			return
		}
		listed, err := api.Connections(ctx, scopes[i])
		mu.Lock()
		defer mu.Unlock()
		l.keep(scopes[i], listed, err)
		if meetsAll(ctx, err) {
			l.ended = err
		}
	})
	return l
}

func (l listing) keep(projectID string, listed []infisical.Connection, err error) {
	for _, connection := range listed {
		l.rows[place{connection.ProjectID, connection.Name}] = connection
	}
	l.own[projectID], l.failed[projectID] = true, err
}

// find returns nil for a connection that doesn't exist.
func (l listing) find(ctx context.Context, api Connections, at place) (*infisical.Connection, error) {
	if err := l.failed[at.projectID]; err != nil {
		return nil, err
	}
	if row, there := l.rows[at]; there {
		return &row, nil
	}
	if l.own[at.projectID] {
		return nil, nil //nolint:nilnil // no connection is an answer
	}
	return lookUp(ctx, api, at)
}

// lookUp gets one connection by its name; nil when it doesn't exist. A server from
// before project scopes drops the project from the query.
func lookUp(ctx context.Context, api Connections, at place) (*infisical.Connection, error) {
	row, err := api.ConnectionByName(ctx, at.name, at.projectID)
	switch {
	// The name of another app's connection is taken, which the create's error explains.
	case errors.Is(err, infisical.ErrNotFound), errors.Is(err, infisical.ErrWrongApp):
		return nil, nil //nolint:nilnil // no connection is an answer
	case err != nil:
		return nil, err
	case row.ProjectID != at.projectID:
		return nil, &WrongScopeError{Name: at.name, ProjectID: at.projectID, ID: row.ID, Got: row.ProjectID}
	}
	return &row, nil
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
		TokenUnknown: d.Token.IsZero(), desired: d,
	}
	if found == nil {
		plan.Action, plan.text, plan.mark = Create, d.Description, mark{fingerprint: fingerprint, owner: d.Owner}
		return plan
	}
	text, written, ours := unmarked(found.Description)
	plan.ID, plan.Owner, plan.hash = found.ID, written.owner, found.CredentialsHash
	current := shortHash(found.CredentialsHash)
	if ours && written.hash != "" && current != "" && written.hash != current {
		plan.Drift = "credentials were changed in Infisical on " + found.UpdatedAt.UTC().Format(time.DateOnly)
	}
	email := found.Email != "" && !strings.EqualFold(found.Email, d.Email)
	token := !ours || fingerprint != "" && fingerprint != written.fingerprint
	if plan.Drift != "" {
		token, email = token || !d.Accept, email && !d.Accept
	}
	token = token || d.Rewrite
	plan.text = text
	if d.Description != "" && d.Description != text {
		plan.Fields, plan.text = append(plan.Fields, "description"), d.Description
	}
	if email {
		plan.Fields = append(plan.Fields, "email")
	}
	if token {
		plan.Fields = append(plan.Fields, "token")
	}
	if email || token {
		plan.mark = mark{fingerprint: fingerprint}
	} else {
		plan.mark = mark{fingerprint: written.fingerprint, hash: current}
		if len(plan.Fields) == 0 && plan.remembers(written) {
			plan.Fields = append(plan.Fields, "mark")
		}
	}
	plan.act(ours, email || token, written.owner)
	return plan
}

// remembers tells whether the mark lacks what is to be compared with next time.
func (p ConnectionPlan) remembers(written mark) bool {
	return p.mark.hash != "" && p.mark.hash != written.hash || written.owner == "" && p.desired.Owner != ""
}

// act decides on the action and the owner. Within one app the first owner stays.
func (p *ConnectionPlan) act(ours, credentials bool, owner string) {
	foreign := ours && owner != "" && !sameOwner(owner, p.desired.Owner)
	switch {
	case !ours, foreign && (len(p.Fields) > 0 || p.desired.Adopt):
		p.Action = Adopt
	case credentials:
		p.Action = Rotate
	case len(p.Fields) > 0:
		p.Action = Update
	default:
		p.Action = None
	}
	if p.Action == Adopt && !credentials {
		p.Fields, p.mark = append(p.Fields, "token"), mark{}
		p.mark.fingerprint, _ = fingerprintOf(p.desired)
	}
	p.NeedsYes = p.Action == Adopt && !p.desired.Adopt
	p.mark.owner = owner
	if owner == "" || foreign {
		p.mark.owner = p.desired.Owner
	}
}
