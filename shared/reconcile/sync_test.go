package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

const (
	otherProject = "bbbbbbbb-0000-4000-8000-000000000003"
	orgCI        = "cccccccc-0000-4000-8000-000000000011"
	projectCI    = "cccccccc-0000-4000-8000-000000000012"
	appSync      = "dddddddd-0000-4000-8000-000000000011"
	ownMark      = "managed by linkersync · owner app"
)

func (s *safe) seed(t *testing.T, state siminfisical.State) {
	t.Helper()
	if err := s.infisical.Seed(state); err != nil {
		t.Fatal(err)
	}
}

// newSyncSafe has two projects with folders, and a connection of the organization and of
// the first project.
func newSyncSafe(t *testing.T, syncs ...siminfisical.Sync) *safe {
	t.Helper()
	s := newSafe(t)
	folders := map[string][]string{"prod": {"/", "/ci"}, "dev": {"/"}}
	identities := s.infisical.Snapshot().Identities
	identities[0].Projects = map[string][]siminfisical.Action{simProject: siminfisical.Everything(), otherProject: siminfisical.Everything()}
	s.seed(t, siminfisical.State{
		Projects: []siminfisical.Project{
			{ID: simProject, OrgID: "org", Type: "secret-manager", Folders: folders}, {ID: otherProject, OrgID: "org", Type: "secret-manager", Folders: folders},
		},
		Identities: identities,
		Connections: []siminfisical.Connection{
			{ID: orgCI, Name: "ci", OrgID: "org", Email: email, APIToken: "token-1"},
			{ID: projectCI, Name: "ci", OrgID: "org", ProjectID: simProject, Email: email, APIToken: "token-1"},
		},
		Syncs: syncs,
	})
	return s
}

// appRow is the sync as linkersync made it, with changes.
func appRow(changes ...func(*siminfisical.Sync)) siminfisical.Sync {
	description := ownMark
	row := siminfisical.Sync{
		ID: appSync, Name: "app", Description: &description, ProjectID: simProject, ConnectionID: projectCI, Environment: "prod", SecretPath: "/ci", AutoSync: true,
		Options:     siminfisical.SyncOptions{KeySchema: "APP_{{secretKey}}", DisableSecretDeletion: true},
		Destination: siminfisical.Destination{Workspace: "acme", Repository: "app"},
	}
	for _, change := range changes {
		change(&row)
	}
	return row
}

func described(text string) func(*siminfisical.Sync) {
	return func(row *siminfisical.Sync) { row.Description = &text }
}

// app is appRow as the manifest has it, with changes.
func app(changes ...func(*manifest.Sync)) manifest.Sync {
	sync := manifest.Sync{
		Name: "app", ProjectID: simProject, Environment: "prod", SecretPath: "/ci", Connection: "ci", Workspace: "acme", Repository: "app",
		KeySchema: "APP_{{secretKey}}", Automatic: true,
	}
	for _, change := range changes {
		change(&sync)
	}
	return sync
}

func deletes(s *manifest.Sync) { s.KeySchema, s.Deletion = "", true }

// TestPlanOfASync compares each setting, owner and risk.
func TestPlanOfASync(t *testing.T) {
	t.Parallel()
	twin := appRow(func(row *siminfisical.Sync) { row.ID, row.Name = "", "twin" })
	far := appRow(func(row *siminfisical.Sync) { row.ID, row.ProjectID, row.ConnectionID = "", otherProject, orgCI })
	counts := func(count int, err error) func(*reconcile.SyncOptions) {
		return func(o *reconcile.SyncOptions) {
			o.CountVariables = func(context.Context, manifest.Sync) (int, error) { return count, err }
		}
	}
	some := counts(3, nil)
	is := func(changes ...func(*siminfisical.Sync)) []siminfisical.Sync {
		return []siminfisical.Sync{appRow(changes...)}
	}
	tests := map[string]struct {
		there   []siminfisical.Sync
		desired manifest.Sync
		option  func(*reconcile.SyncOptions)
		action  reconcile.Action
		fields  string
		// yes: it needs one. says is in a risk, in what is unknown, in the drift or in the error.
		yes  bool
		says string
	}{
		"same":                           {is(), app(), nil, reconcile.None, "", false, ""},
		"missing":                        {nil, app(), some, reconcile.Create, "", false, ""},
		"missing, and nobody can count":  {nil, app(), counts(0, errors.New("no token")), reconcile.Create, "", false, "its variables: no token"},
		"unknown repository":             {nil, app(), counts(0, bitbucket.ErrNotFound), reconcile.None, "", false, "Bitbucket has no acme/app"},
		"many variables":                 {nil, app(), counts(11, nil), reconcile.Create, "", true, "has 11 variables"},
		"as many as a page":              {nil, app(), counts(10, nil), reconcile.Create, "", false, ""},
		"deletes all others":             {nil, app(deletes), some, reconcile.Create, "", true, "deletes every variable of acme/app"},
		"a dash in the names":            {nil, app(func(s *manifest.Sync) { s.KeySchema = "A-{{secretKey}}" }), some, reconcile.Create, "", false, "with - or / in their names"},
		"deletes what matches":           {nil, app(func(s *manifest.Sync) { s.Deletion = true }), some, reconcile.Create, "", false, ""},
		"a schema that matches all":      {nil, app(deletes, func(s *manifest.Sync) { s.KeySchema = "{{secretKey}}" }), some, reconcile.Create, "", true, "deletes every variable"},
		"deletes, as it does today":      {is(func(r *siminfisical.Sync) { r.Options = siminfisical.SyncOptions{} }), app(deletes), some, reconcile.None, "", false, ""},
		"deletes, and changes its words": {is(func(r *siminfisical.Sync) { r.Options = siminfisical.SyncOptions{} }), app(deletes, func(s *manifest.Sync) { s.Description = "x" }), some, reconcile.Update, "description", false, ""},
		"the yes to it":                  {nil, app(deletes), func(o *reconcile.SyncOptions) { some(o); o.AllowRisks = true }, reconcile.Create, "", false, "deletes every variable"},
		"two for one target":             {[]siminfisical.Sync{twin}, app(), some, reconcile.Create, "", true, `"twin" of project ` + simProject},
		"one of another project":         {[]siminfisical.Sync{far}, app(), some, reconcile.Create, "", true, "a sync of project \"" + otherProject},
		"other secrets":                  {is(), app(func(s *manifest.Sync) { s.Environment, s.SecretPath = "dev", "/" }), some, reconcile.Update, "environment secret_path", false, ""},
		"another target": {
			is(), app(func(s *manifest.Sync) { s.Workspace, s.Repository, s.DeploymentEnvironment = "b", "web", "{e}" }), some, reconcile.Update,
			"workspace repository deployment_environment", false, "",
		},
		"another way": {
			is(), app(func(s *manifest.Sync) { s.KeySchema, s.Deletion, s.Automatic = "X_{{secretKey}}", true, false }), some, reconcile.Update,
			"key_schema deletion automatic", false, "",
		},
		"the organization's connection": {is(), app(func(s *manifest.Sync) { s.OrganizationConnection = true }), nil, reconcile.Update, "connection", false, ""},
		"words of a person stay":        {is(described("by hand · " + ownMark)), app(), nil, reconcile.None, "", false, ""},
		"a folder that was deleted": {
			is(func(r *siminfisical.Sync) { r.SecretPath = "" }), app(), some, reconcile.Update,
			"environment secret_path", false, "its folder was deleted",
		},
		"another's, which is the same":  {is(described("by hand")), app(), nil, reconcile.None, "", false, ""},
		"another's, which differs":      {is(described("by hand")), app(func(s *manifest.Sync) { s.Automatic = false }), some, reconcile.Adopt, "automatic", true, ""},
		"taken over":                    {is(described("by hand")), app(func(s *manifest.Sync) { s.Adopt = true }), some, reconcile.Adopt, "mark", false, ""},
		"another owner's":               {is(described("managed by linkersync · owner other")), app(func(s *manifest.Sync) { s.Automatic = false }), some, reconcile.Adopt, "automatic", true, ""},
		"a mark without an owner":       {is(described("managed by linkersync")), app(), nil, reconcile.Update, "mark", false, ""},
		"a connection that isn't there": {nil, app(func(s *manifest.Sync) { s.Connection = "none" }), nil, reconcile.None, "", false, `connection "none" of project`},
		"a project that isn't there":    {nil, app(func(s *manifest.Sync) { s.ProjectID = "nowhere" }), nil, reconcile.None, "", false, "not found"},
		"a mark of one's own":           {nil, app(func(s *manifest.Sync) { s.Description = ownMark }), nil, reconcile.None, "", false, "added by itself"},
		"a long text":                   {nil, app(func(s *manifest.Sync) { s.Description = strings.Repeat("x", 250) }), nil, reconcile.None, "", false, "are left beside"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSyncSafe(t, test.there...)
			options := reconcile.SyncOptions{Owner: "app"}
			if test.option != nil {
				test.option(&options)
			}
			plans, err := reconcile.PlanSyncs(t.Context(), s.client(), []manifest.Sync{test.desired}, nil, options)
			if err != nil || len(plans) != 1 {
				t.Fatal(plans, err)
			}
			got := plans[0]
			said := strings.Join(slices.Concat(got.Risks, got.Unknown, []string{got.Drift, got.Error}), "\n")
			if got.Action != test.action || strings.Join(got.Fields, " ") != test.fields || got.NeedsYes != test.yes || !strings.Contains(said, test.says) || test.says == "" && strings.TrimSpace(said) != "" && test.option != nil {
				t.Errorf("%s %v, yes %v: %s", got.Action, got.Fields, got.NeedsYes, said)
			}
			if (got.Error != "") != (got.Cause() != nil) || got.Changed() && (got.Ready() != nil) != test.yes {
				t.Errorf("cause %v, ready %v", got.Cause(), got.Ready())
			}
		})
	}
}

// TestExportPlansToNoChange, whoever made the syncs, and in whatever state they are.
func TestExportPlansToNoChange(t *testing.T) {
	t.Parallel()
	named := func(name string, change func(*siminfisical.Sync)) siminfisical.Sync {
		return appRow(func(row *siminfisical.Sync) { row.ID, row.Name, row.Destination.Repository = "", name, name }, change)
	}
	s := newSyncSafe(t, appRow(), named("hand", described("by hand")), named("theirs", described("x · managed by linkersync · owner other")),
		named("org", func(r *siminfisical.Sync) { r.ConnectionID = orgCI }),
		named("bare", func(r *siminfisical.Sync) {
			r.Options, r.AutoSync, r.Destination.Environment = siminfisical.SyncOptions{Recursive: true}, false, "{11111111-2222-4333-8444-555555555555}"
		}),
		named("gone", func(r *siminfisical.Sync) { r.SecretPath = "" }))
	exported, left, err := reconcile.ExportSyncs(t.Context(), s.client(), simProject)
	if err != nil || len(exported) != 5 || len(left) != 1 || !strings.Contains(left[0], `"gone" of project `+simProject+": its folder was deleted") {
		t.Fatal(exported, left, err)
	}
	encoded, err := manifest.Encode(manifest.Manifest{Syncs: exported})
	if err != nil {
		t.Fatal(err)
	}
	read, err := manifest.Parse("m.yaml", encoded, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"app", ""} {
		plans, err := reconcile.PlanSyncs(t.Context(), s.client(), read.Syncs, nil, reconcile.SyncOptions{Owner: owner})
		if sum := (reconcile.Plan{Syncs: plans}).Summary(); err != nil || sum.Changed || sum.Failed > 0 {
			t.Errorf("%v, %+v", err, plans)
		}
	}
}
