package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
)

// PlanSyncs compares secret syncs with their desired state, in their order, and with
// [SyncOptions.Prune] adds a delete for each of the owner's that is not desired. It reads
// one list for each project, and looks up connections that connections, the plans of the
// same manifest, lack. It writes nothing.
//
// Projects are independent: a sync whose project can't be read has a plan with an Error.
// The error is one that every call would meet, such as a refused login.
func PlanSyncs(ctx context.Context, api Syncs, desired []manifest.Sync, connections []ConnectionPlan, options SyncOptions) ([]SyncPlan, error) {
	if options.Prune && options.Owner == "" {
		return nil, fmt.Errorf("prune syncs: %w: the manifest has no app, so its own syncs can't be told from others", infisical.ErrInvalid)
	}
	there := readSyncs(ctx, api, desired)
	known := findConnections(ctx, api, desired, connections)
	if err := errors.Join(there.ended, known.listed.ended); err != nil {
		return nil, fmt.Errorf("read syncs: %w", err)
	}
	plans := make([]SyncPlan, len(desired))
	byScope(desired, func(d manifest.Sync) string { return d.ProjectID }, func(i int) {
		plans[i] = there.compare(ctx, api, desired[i], known, options)
	})
	if options.Prune {
		plans = append(plans, there.orphans(desired, options)...)
	}
	there.assess(ctx, api, plans)
	return plans, nil
}

// syncListing is what the lists of the projects hold, or why a project has none.
type syncListing struct {
	projects []string
	rows     map[string][]infisical.Sync
	failed   map[string]error
	// ended is a failure that every further call would meet, too.
	ended error
}

func readSyncs(ctx context.Context, api Syncs, desired []manifest.Sync) syncListing {
	l := syncListing{rows: map[string][]infisical.Sync{}, failed: map[string]error{}}
	for _, d := range desired {
		if !slices.Contains(l.projects, d.ProjectID) {
			l.projects = append(l.projects, d.ProjectID)
		}
	}
	rows, failed := make([][]infisical.Sync, len(l.projects)), make([]error, len(l.projects))
	inParallel(len(l.projects), func(i int) { rows[i], failed[i] = api.Syncs(ctx, l.projects[i]) })
	for i, project := range l.projects {
		l.rows[project], l.failed[project] = rows[i], failed[i]
		if meetsAll(ctx, failed[i]) && l.ended == nil {
			l.ended = failed[i]
		}
	}
	return l
}

// find returns nil for a sync that doesn't exist. The server leaves out of a list what
// the identity may not read, so what is missing there is looked up.
func (l syncListing) find(ctx context.Context, api Syncs, at place) (*infisical.Sync, error) {
	if err := l.failed[at.projectID]; err != nil {
		return nil, err
	}
	for _, row := range l.rows[at.projectID] {
		if row.Name == at.name {
			return &row, nil
		}
	}
	return lookUpSync(ctx, api, at)
}

func lookUpSync(ctx context.Context, api Syncs, at place) (*infisical.Sync, error) {
	row, err := api.SyncByName(ctx, at.name, at.projectID)
	if errors.Is(err, infisical.ErrNotFound) {
		return nil, nil //nolint:nilnil // no sync is an answer
	}
	if err != nil {
		return nil, err
	}
	return &row, nil
}

// knownConnections are the connections that syncs may name.
type knownConnections struct {
	planned map[place]ConnectionPlan
	listed  listing
}

// findConnections reads the lists of the scopes in which syncs name a connection that
// the manifest doesn't have.
func findConnections(ctx context.Context, api Connections, desired []manifest.Sync, plans []ConnectionPlan) knownConnections {
	k := knownConnections{planned: map[place]ConnectionPlan{}}
	for _, plan := range plans {
		k.planned[place{plan.ProjectID, plan.Name}] = plan
	}
	var others []DesiredConnection
	for _, d := range desired {
		if _, planned := k.planned[place{d.ConnectionProject(), d.Connection}]; !planned {
			others = append(others, DesiredConnection{Name: d.Connection, ProjectID: d.ConnectionProject()})
		}
	}
	if len(others) > 0 {
		k.listed = listScopes(ctx, api, others)
	}
	return k
}

// id is empty, without an error, for a connection that the same apply makes.
func (k knownConnections) id(ctx context.Context, api Connections, at place) (string, error) {
	if plan, planned := k.planned[at]; planned {
		return plan.ID, plan.err
	}
	row, err := k.listed.find(ctx, api, at)
	if err != nil {
		return "", fmt.Errorf("read connection %s: %w", at, err)
	}
	if row == nil {
		return "", fmt.Errorf("connection %s: %w; list it in the manifest, or correct connection or connection_scope", at, infisical.ErrNotFound)
	}
	return row.ID, nil
}

// compare plans one sync, but for its risks.
func (l syncListing) compare(ctx context.Context, api Syncs, d manifest.Sync, known knownConnections, options SyncOptions) SyncPlan {
	plan := newSyncPlan(d, options)
	err := checkSync(d, options.Owner)
	var found *infisical.Sync
	if err == nil {
		found, err = l.find(ctx, api, plan.place())
	}
	connectionID := ""
	if err == nil {
		connectionID, err = known.id(ctx, api, plan.connection())
	}
	if err == nil && found != nil && (found.RemoveStatus == "pending" || found.RemoveStatus == "running") {
		err = fmt.Errorf("%w: it is being deleted, together with its variables", infisical.ErrBusy)
	}
	if err != nil {
		return plan.failed(fmt.Errorf("read sync %s: %w", plan.place(), err))
	}
	plan = plan.decide(found, connectionID)
	if plan.Changed() && units(plan.want.Description) > infisical.MaxDescription {
		return plan.failed(fmt.Errorf("%s sync %s: its description in Infisical leaves no room for linkersync's mark, set a shorter one in the manifest", plan.Action, plan.place()))
	}
	return plan
}

// decide compares one sync; found is nil when it doesn't exist.
func (p SyncPlan) decide(found *infisical.Sync, connectionID string) SyncPlan {
	d, text := p.desired, tidy(p.desired.Description)
	if found == nil {
		p.Action, p.ID = Create, ""
		p.want = settingsOf(d, connectionID, text, mark{owner: p.options.Owner})
		return p
	}
	there, written, ours := unmarkedSync(found.Description)
	if text == "" {
		text = there
	}
	p.ID, p.Owner = found.ID, written.owner
	other := ours && written.owner != "" && !sameOwner(written.owner, p.options.Owner)
	p.foreign = !ours || other
	kept := mark{owner: written.owner} // within one app the first owner stays
	if written.owner == "" || other {
		kept.owner = p.options.Owner
	}
	p.want = settingsOf(d, connectionID, text, kept)
	p.want.Recursive = found.Recursive
	p.Fields = syncDifferences(p.want, found.SyncSettings)
	if found.SecretPath == "" {
		p.Drift = "its folder was deleted in Infisical"
	}
	return p.act(ours && written.owner == "" && p.options.Owner != "")
}

// act decides on the action. A sync of others that is as desired stays theirs.
func (p SyncPlan) act(ownerMissing bool) SyncPlan {
	if len(p.Fields) == 0 && (ownerMissing || p.foreign && p.adopts()) {
		p.Fields = []string{"mark"}
	}
	switch {
	case len(p.Fields) == 0:
		p.Action = None
	case p.foreign:
		p.Action, p.NeedsYes = Adopt, !p.adopts()
	default:
		p.Action = Update
	}
	return p
}

// orphans are deletes of the owner's syncs that are not desired.
func (l syncListing) orphans(desired []manifest.Sync, options SyncOptions) (plans []SyncPlan) {
	for _, project := range l.projects {
		for _, row := range l.rows[project] {
			wanted := func(d manifest.Sync) bool { return d.ProjectID == project && d.Name == row.Name }
			_, written, ours := unmarkedSync(row.Description)
			if !ours || written.owner != shortOwner(options.Owner) || slices.ContainsFunc(desired, wanted) {
				continue
			}
			plan := newSyncPlan(manifest.Sync{Name: row.Name, ProjectID: project}, options)
			plan.Action, plan.ID, plan.Owner = Delete, row.ID, written.owner
			plan.Risks = []string{fmt.Sprintf("its variables stay in %s", targetText(row.Target))}
			plan.NeedsYes = !options.AllowRisks
			plans = append(plans, plan)
		}
	}
	return plans
}
