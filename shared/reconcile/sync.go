package reconcile

import (
	"context"
	"fmt"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
)

// Syncs is the part of [infisical.Client] that ensures secret syncs. They name their
// connections by name, so those are looked up, too.
type Syncs interface {
	Connections
	Syncs(ctx context.Context, projectID string) ([]infisical.Sync, error)
	Sync(ctx context.Context, id string) (infisical.Sync, error)
	SyncByName(ctx context.Context, name, projectID string) (infisical.Sync, error)
	CreateSync(ctx context.Context, projectID string, settings infisical.SyncSettings) (infisical.Sync, error)
	UpdateSync(ctx context.Context, id string, settings infisical.SyncSettings) (infisical.Sync, error)
	DeleteSync(ctx context.Context, id string, removeVariables bool) error
	CheckDestination(ctx context.Context, projectID, except string, to infisical.Target) (projectWith string, found bool, err error)
}

// SyncOptions of a plan.
type SyncOptions struct {
	// Owner is written into the mark of each sync; empty when there is none.
	Owner string
	// Adopt takes over syncs of others, as each sync's own Adopt does.
	Adopt bool
	// Prune deletes the owner's syncs that are not desired, in the projects of those that
	// are.
	Prune bool
	// AllowRisks is the yes to what [SyncPlan.Risks] names.
	AllowRisks bool
	// CountVariables asks Bitbucket how many variables the sync's target has; nil means
	// that it is not asked. bitbucket.ErrNotFound refuses the sync; any other error is why it is unknown.
	CountVariables func(ctx context.Context, sync manifest.Sync) (int, error)
}

// SyncPlan is what separates one secret sync from its desired state.
type SyncPlan struct {
	Name      string `json:"name"`
	ProjectID string `json:"project_id"`
	// Action is none, create, update, adopt or delete.
	Action Action `json:"action"`
	// Fields are those that change, by their keys in the manifest, or "mark" alone.
	Fields []string `json:"fields"`
	// ID is Infisical's; empty when the sync doesn't exist.
	ID string `json:"id,omitempty"`
	// NeedsYes: applying fails with [UnmanagedError] or [RiskError] unless it is permitted.
	NeedsYes bool `json:"needs_yes"`
	// Owner is whose sync it is, as its mark says; empty when unknown.
	Owner string `json:"owner,omitempty"`
	// Risks say what a run would do that is hard to take back. They need a yes.
	Risks []string `json:"risks"`
	// Unknown says what could not be looked at.
	Unknown []string `json:"unknown,omitempty"`
	// Drift says what somebody did in Infisical.
	Drift string `json:"drift,omitempty"`
	// Error is why the sync could not be compared; Action is then [None].
	Error    string            `json:"error,omitempty"`
	Position manifest.Position `json:"position"`

	err     error
	desired manifest.Sync
	options SyncOptions
	// want is what a write sends. Its connection is missing when that is made by the same
	// apply.
	want infisical.SyncSettings
	// foreign: the sync is another owner's, or linkersync did not make it.
	foreign bool
}

// Changed tells whether applying the plan would write.
func (p SyncPlan) Changed() bool { return p.Action != None }

// Cause is the error whose text is in Error.
func (p SyncPlan) Cause() error { return p.err }

// Ready tells what keeps the plan from being carried out: a sync that could not be
// compared, one of somebody else, or a risk without a yes.
func (p SyncPlan) Ready() error {
	switch {
	case p.err != nil || !p.NeedsYes:
		return p.err
	case p.foreign && !p.adopts():
		return &UnmanagedError{Kind: "sync", Name: p.Name, ProjectID: p.ProjectID, ID: p.ID, Owner: p.Owner, Doing: "take over"}
	}
	return &RiskError{Name: p.Name, ProjectID: p.ProjectID, Action: p.Action, Risks: p.Risks}
}

func (p SyncPlan) adopts() bool { return p.desired.Adopt || p.options.Adopt }

// failed is the plan of a sync that can't be compared or written.
func (p SyncPlan) failed(err error) SyncPlan {
	p.Action, p.Fields, p.Risks, p.NeedsYes, p.Error, p.err = None, []string{}, []string{}, false, err.Error(), err
	return p
}

func newSyncPlan(desired manifest.Sync, options SyncOptions) SyncPlan {
	return SyncPlan{
		Name: desired.Name, ProjectID: desired.ProjectID, Action: None, Fields: []string{}, Risks: []string{},
		Position: desired.Position, desired: desired, options: options,
	}
}

func (p SyncPlan) place() place { return place{p.ProjectID, p.Name} }

// connection is where the sync's connection is.
func (p SyncPlan) connection() place {
	return place{p.desired.ConnectionProject(), p.desired.Connection}
}

// settings are the desired ones, with text before the mark.
func settingsOf(d manifest.Sync, connectionID, text string, m mark) infisical.SyncSettings {
	return infisical.SyncSettings{
		Name: d.Name, Description: m.describe(text), ConnectionID: connectionID,
		Environment: d.Environment, SecretPath: d.SecretPath, Automatic: d.Automatic, KeySchema: d.KeySchema, Deletion: d.Deletion,
		Target: infisical.Target{Workspace: d.Workspace, Repository: d.Repository, DeploymentEnvironment: d.DeploymentEnvironment},
	}
}

// syncDifferences names the settings that differ, as the manifest calls them. The text of
// the description counts, and the mark doesn't.
func syncDifferences(want, have infisical.SyncSettings) []string {
	fields := []string{}
	wantText, _, _ := unmarkedSync(want.Description)
	haveText, _, _ := unmarkedSync(have.Description)
	for _, field := range []struct {
		name string
		same bool
	}{
		{"description", wantText == haveText},
		{"environment", want.Environment == have.Environment},
		{"secret_path", want.SecretPath == have.SecretPath},
		{"connection", want.ConnectionID == have.ConnectionID},
		{"workspace", want.Workspace == have.Workspace},
		{"repository", want.Repository == have.Repository},
		{"deployment_environment", want.DeploymentEnvironment == have.DeploymentEnvironment},
		{"key_schema", want.KeySchema == have.KeySchema},
		{"deletion", want.Deletion == have.Deletion},
		{"automatic", want.Automatic == have.Automatic},
	} {
		if !field.same {
			fields = append(fields, field.name)
		}
	}
	return fields
}

// checkSync finds what no server takes; the manifest's reader has checked the rest.
func checkSync(d manifest.Sync, owner string) error {
	text := tidy(d.Description)
	if units(text) > maxText(owner) {
		return fmt.Errorf("%w: its description has %d characters, and %d are left beside linkersync's mark", infisical.ErrInvalid, units(text), maxText(owner))
	}
	if _, _, ours := unmarkedSync(text); ours {
		return fmt.Errorf("%w: its description holds linkersync's mark, which is added by itself", infisical.ErrInvalid)
	}
	return nil
}
