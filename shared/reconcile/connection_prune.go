package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/infisical"
)

// API is what connections and their users need of [infisical.Client].
type API interface {
	Connections
	Users
}

// errNoOwner refuses to prune without an owner.
var errNoOwner = errors.New("prune connections: set app in the manifest, or --app-key; without it the app's own connections can't be told from others")

// Orphan tells whether a connection has the app's mark and is not named.
func Orphan(row infisical.Connection, app string, named func(projectID, name string) bool) bool {
	owner, ours := ConnectionOwner(row.Description)
	return ours && (owner == "" || sameOwner(owner, app)) && !named(row.ProjectID, row.Name)
}

// PlanPrune plans to delete the owner's connections that keep doesn't name, in the
// scopes that keep is in. One that is in use stays, and the plan says who uses it.
// The connections of the app's tagged secrets have another owner.
func PlanPrune(ctx context.Context, api API, keep []DesiredConnection, owner string, allow bool) ([]ConnectionPlan, error) {
	if owner == "" {
		return nil, errNoOwner
	}
	scopes, named := map[string]bool{}, map[place]bool{}
	for _, d := range keep {
		scopes[d.ProjectID], named[placeOf(d)] = true, true
	}
	there := listScopes(ctx, api, keep)
	if there.ended != nil {
		return nil, fmt.Errorf("prune connections: %w", there.ended)
	}
	survey := &Survey{API: api}
	have := 0
	var plans []ConnectionPlan
	for _, at := range slices.SortedFunc(maps.Keys(there.rows), comparePlaces) {
		row := there.rows[at]
		if whose, _ := ConnectionOwner(row.Description); !scopes[at.projectID] || whose != shortOwner(owner) {
			continue
		}
		if have++; !named[at] {
			plans = append(plans, planDelete(ctx, survey, row, owner))
		}
	}
	if !allow && tooMany(len(plans), have) {
		for i := range plans {
			plans[i].NeedsYes = plans[i].Action == Delete
			plans[i].guard = &PruneGuardError{What: "connections", Remove: len(plans), Have: have}
		}
	}
	return plans, nil
}

func comparePlaces(a, b place) int {
	return strings.Compare(a.projectID+"\x00"+a.name, b.projectID+"\x00"+b.name)
}

func planDelete(ctx context.Context, survey *Survey, row infisical.Connection, owner string) ConnectionPlan {
	plan := ConnectionPlan{
		Name: row.Name, ProjectID: row.ProjectID, ID: row.ID, Owner: owner, Action: Delete, Fields: []string{},
		desired: DesiredConnection{Name: row.Name, ProjectID: row.ProjectID, Owner: owner},
	}
	if usage := survey.All(ctx, row); len(usage.Syncs)+len(usage.Sources) > 0 {
		plan.Action, plan.Kept = None, "not in the manifest, and used by "+usage.Names()
	}
	return plan
}

// remove deletes a connection that the plan wants gone.
func remove(ctx context.Context, api Connections, plan ConnectionPlan) (ConnectionPlan, error) {
	d := plan.desired
	_, _, err := DeleteConnection(ctx, api, DeleteRequest{Name: d.Name, ProjectID: d.ProjectID, Owner: d.Owner})
	if errors.Is(err, infisical.ErrInUse) {
		err = fmt.Errorf("%w; what uses it is in a project that this identity can't read", err)
	}
	return plan, err
}

// Names lists what uses the connection in one line.
func (u Usage) Names() string {
	var names []string
	for _, sync := range u.Syncs {
		names = append(names, fmt.Sprintf("the sync %q of project %s", sync.Name, sync.ProjectID))
	}
	for _, source := range u.Sources {
		names = append(names, fmt.Sprintf("the data source %q", source.Name))
	}
	if len(u.Unknown) > 0 {
		names = append(names, "and what can't be read: "+strings.Join(u.Unknown, "; "))
	}
	return strings.Join(names, ", ")
}
