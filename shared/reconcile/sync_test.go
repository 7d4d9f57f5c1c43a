package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/infisical"
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
		"two, in another case":           {[]siminfisical.Sync{twin}, app(func(s *manifest.Sync) { s.Workspace = "ACME" }), some, reconcile.Create, "", true, `"twin" of project ` + simProject},
		"one of another project":         {[]siminfisical.Sync{far}, app(), some, reconcile.Create, "", true, "a sync of project \"" + otherProject},
		"other secrets":                  {is(), app(func(s *manifest.Sync) { s.Environment, s.SecretPath = "dev", "/" }), some, reconcile.Update, "environment secret_path", false, ""},
		"another target": {is(), app(func(s *manifest.Sync) { s.Workspace, s.Repository, s.DeploymentEnvironment = "b", "web", "{e}" }), some, reconcile.Update,
			"workspace repository deployment_environment", false, ""},
		"another way": {is(), app(func(s *manifest.Sync) { s.KeySchema, s.Deletion, s.Automatic = "X_{{secretKey}}", true, false }), some, reconcile.Update,
			"key_schema deletion automatic", false, ""},
		"the organization's connection": {is(), app(func(s *manifest.Sync) { s.OrganizationConnection = true }), nil, reconcile.Update, "connection", false, ""},
		"words of a person stay":        {is(described("by hand · " + ownMark)), app(), nil, reconcile.None, "", false, ""},
		"a folder that was deleted": {is(func(r *siminfisical.Sync) { r.SecretPath = "" }), app(), some, reconcile.Update,
			"environment secret_path", false, "its folder was deleted"},
		"another's, which is the same":  {is(described("by hand")), app(), nil, reconcile.None, "", false, ""},
		"another's, which differs":      {is(described("by hand")), app(func(s *manifest.Sync) { s.Automatic = false }), some, reconcile.Adopt, "automatic", true, ""},
		"taken over":                    {is(described("by hand")), app(func(s *manifest.Sync) { s.Adopt = true }), some, reconcile.Adopt, "mark", false, ""},
		"another owner's":               {is(described("managed by linkersync · owner other")), app(func(s *manifest.Sync) { s.Automatic = false }), some, reconcile.Adopt, "automatic", true, ""},
		"a person's words about us":     {is(described("no longer managed by linkersync, ask Bob")), app(func(s *manifest.Sync) { s.Automatic = false }), some, reconcile.Adopt, "automatic", true, ""},
		"no room for the mark":          {is(described(strings.Repeat("x", 240))), app(func(s *manifest.Sync) { s.Adopt = true }), nil, reconcile.None, "", false, "leaves no room"},
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

// syncRun is one command: plan, apply, revoke.
func (s *safe) syncRun(t *testing.T, options reconcile.SyncOptions, desired ...manifest.Sync) ([]reconcile.SyncResult, error) {
	t.Helper()
	client := s.client()
	options.Owner = "app"
	plans, err := reconcile.PlanSyncs(t.Context(), client, desired, nil, options)
	if err != nil {
		t.Fatal(err)
	}
	results, err := reconcile.ApplySyncs(t.Context(), client, plans, nil)
	if err := client.Revoke(t.Context()); err != nil {
		t.Error(err)
	}
	return results, err
}

// TestASyncIsBroughtToTheManifest through its life, with no more calls than needed.
func TestASyncIsBroughtToTheManifest(t *testing.T) {
	t.Parallel()
	s := newSyncSafe(t)
	const list, create, check = "GET /api/v1/secret-syncs/bitbucket", "POST /api/v1/secret-syncs/bitbucket", "POST /api/v1/secret-syncs/bitbucket/check-destination"
	changed := app(func(s *manifest.Sync) { s.Automatic, s.KeySchema, s.DeploymentEnvironment = false, "", "{e}" })
	steps := []struct {
		name    string
		desired []manifest.Sync
		options reconcile.SyncOptions
		want    []string
	}{
		{"create", []manifest.Sync{app()}, reconcile.SyncOptions{}, []string{simLogin, list, simList, list + "/sync-name/app", check, create, simRevoke}},
		{"nothing to do", []manifest.Sync{app()}, reconcile.SyncOptions{}, []string{simLogin, list, simList, simRevoke}},
		{"change", []manifest.Sync{changed}, reconcile.SyncOptions{}, []string{simLogin, list, simList, check, "PATCH", simRevoke}},
		{"nothing to do again", []manifest.Sync{changed}, reconcile.SyncOptions{}, []string{simLogin, list, simList, simRevoke}},
	}
	for _, step := range steps {
		if results, err := s.syncRun(t, step.options, step.desired...); err != nil {
			t.Fatalf("%s: %v %v", step.name, results, err)
		}
		calls := s.calls()
		for i, call := range calls {
			if strings.HasPrefix(call, "PATCH") {
				calls[i] = "PATCH"
			}
		}
		if diff := cmp.Diff(step.want, calls); diff != "" {
			t.Errorf("%s: calls (-want +got):\n%s", step.name, diff)
		}
	}
	row := s.infisical.Snapshot().Syncs[0]
	row.Options.Recursive = true // somebody's own doing stays
	s.seed(t, siminfisical.State{Syncs: []siminfisical.Sync{row}})
	if _, err := s.syncRun(t, reconcile.SyncOptions{}, changed, app(func(s *manifest.Sync) { s.Name, s.Repository = "web", "web" })); err != nil {
		t.Fatal(err)
	}
	changed.Description = "to the app"
	if _, err := s.syncRun(t, reconcile.SyncOptions{}, changed); err != nil {
		t.Fatal(err)
	}
	row = s.infisical.Snapshot().Syncs[0]
	if !row.Options.Recursive || row.AutoSync || row.Options.KeySchema != "" || !row.Options.DisableSecretDeletion || row.Destination.Environment != "{e}" || *row.Description != "to the app · "+ownMark {
		t.Errorf("stored %+v", row)
	}
}

// TestNothingToDoTakesOneListOfEach, however many connections and syncs there are.
func TestNothingToDoTakesOneListOfEach(t *testing.T) {
	t.Parallel()
	s := newSyncSafe(t)
	var connections []reconcile.DesiredConnection
	var syncs []manifest.Sync
	for i := range 12 {
		project := []string{simProject, otherProject}[i%2]
		name := fmt.Sprintf("n%d", i)
		connections = append(connections, wanted(name, in(project)))
		syncs = append(syncs, app(func(s *manifest.Sync) { s.Name, s.ProjectID, s.Connection, s.Repository = name, project, name, name }))
	}
	run := func() (results []reconcile.SyncResult) {
		client := s.client()
		plans, err := reconcile.PlanConnections(t.Context(), client, connections)
		if err != nil {
			t.Fatal(err)
		}
		planned, err := reconcile.PlanSyncs(t.Context(), client, syncs, plans, reconcile.SyncOptions{Owner: "app"})
		if err != nil {
			t.Fatal(err)
		}
		made, err := reconcile.ApplyConnections(t.Context(), client, plans, reconcile.ConnectionOptions{})
		if err == nil {
			results, err = reconcile.ApplySyncs(t.Context(), client, planned, made)
		}
		if err := errors.Join(err, client.Revoke(t.Context())); err != nil {
			t.Fatal(err)
		}
		return results
	}
	if sum := (reconcile.Result{Syncs: run()}).Summary(); sum.Syncs.Created != len(syncs) {
		t.Fatalf("%+v", sum)
	}
	s.calls()
	run()
	want := []string{simLogin, simList, "GET /api/v1/secret-syncs/bitbucket", "GET /api/v1/secret-syncs/bitbucket", simRevoke}
	if diff := cmp.Diff(want, s.calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestPruneOfSyncs deletes the owner's own, with a yes, and nobody else's.
func TestPruneOfSyncs(t *testing.T) {
	t.Parallel()
	named := func(name string, changes ...func(*siminfisical.Sync)) siminfisical.Sync {
		return appRow(append(changes, func(row *siminfisical.Sync) { row.ID, row.Name, row.Destination.Repository = "", name, name })...)
	}
	s := newSyncSafe(t, appRow(), named("old"), named("theirs", described("managed by linkersync · owner other")), named("stack", described("managed by linkersync · owner stack/app")), named("hand", described("")))
	refused, err := s.syncRun(t, reconcile.SyncOptions{Prune: true}, app())
	if risk, ok := errors.AsType[*reconcile.RiskError](err); !ok || risk.Name != "old" || !strings.Contains(err.Error(), "its variables stay in acme/old") || len(refused) != 2 {
		t.Fatalf("%+v, %v", refused, err)
	}
	if done, err := s.syncRun(t, reconcile.SyncOptions{Prune: true, AllowRisks: true}, app()); err != nil || !done[1].Changed() {
		t.Errorf("%+v, %v", done, err)
	}
	var left []string
	for _, row := range s.infisical.Snapshot().Syncs {
		left = append(left, row.Name)
	}
	if diff := cmp.Diff([]string{"app", "hand", "stack", "theirs"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if _, err := reconcile.PlanSyncs(t.Context(), s.client(), []manifest.Sync{app()}, nil, reconcile.SyncOptions{Prune: true}); !errors.Is(err, infisical.ErrInvalid) {
		t.Errorf("without an owner: %v", err)
	}
}

// TestProjectsAreIndependent: one that fails keeps no other from being done.
func TestProjectsAreIndependent(t *testing.T) {
	t.Parallel()
	s := newSyncSafe(t)
	elsewhere := func(project, folder string) manifest.Sync {
		return app(func(s *manifest.Sync) {
			s.ProjectID, s.OrganizationConnection, s.SecretPath, s.Repository = project, true, folder, folder[1:]+"x"
		})
	}
	results, err := s.syncRun(t, reconcile.SyncOptions{}, elsewhere("nowhere", "/ci"), elsewhere(otherProject, "/none"), elsewhere(otherProject, "/ci"), app())
	if !errors.Is(err, infisical.ErrUnknownProject) || !errors.Is(err, infisical.ErrUnknownFolder) || results[0].Outcome != reconcile.NotDone || results[1].Outcome != reconcile.NotDone || !results[2].Changed() || !results[3].Changed() {
		t.Fatalf("%+v, %v", results, err)
	}
	sum := reconcile.Result{Syncs: results}.Summary()
	if diff := cmp.Diff(reconcile.SyncCounts{Created: 2, Failed: 2}, sum.Syncs); diff != "" || sum.Failed != 2 {
		t.Error(diff)
	}
}

// TestAWriteWithoutAnAnswerIsLookedUp, and is done, not done, or not known.
func TestAWriteWithoutAnAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	post, patch := fault.Path(http.MethodPost, "/bitbucket$"), fault.Path(http.MethodPatch, "/bitbucket/")
	byName := fault.Path(http.MethodGet, "/sync-name/")
	different := app(func(s *manifest.Sync) { s.Automatic = false })
	tests := map[string]struct {
		there   []siminfisical.Sync
		desired manifest.Sync
		spoil   func(*fault.Injector)
		outcome reconcile.Outcome
		changed bool
		says    string
	}{
		"a create that was done":     {nil, app(), func(f *fault.Injector) { f.Add(post, fault.Always(), fault.ResetAfter()) }, "", true, ""},
		"a create that was not done": {nil, app(), func(f *fault.Injector) { f.Add(post, fault.Always(), fault.Reset()) }, reconcile.NotDone, false, "create sync"},
		"an update that was done":    {[]siminfisical.Sync{appRow()}, different, func(f *fault.Injector) { f.Add(patch, fault.Always(), fault.ResetAfter()) }, "", true, ""},
		"a server error before it":   {[]siminfisical.Sync{appRow()}, different, func(f *fault.Injector) { f.Add(patch, fault.Always(), fault.Respond(500, nil, "")) }, reconcile.NotDone, false, "update sync"},
		"a create nobody can look up": {nil, app(), func(f *fault.Injector) {
			f.Add(post, fault.Always(), fault.ResetAfter())
			f.Add(byName, fault.From(2), fault.Respond(403, nil, denied))
		}, reconcile.Unknown, false, "is not known"},
		"a name that was just taken": {nil, app(), func(f *fault.Injector) {
			f.Add(byName, fault.Once(), fault.Respond(404, nil, notThere))
			f.Add(post, fault.Always(), fault.Respond(400, nil, taken))
		}, reconcile.NotDone, false, "already exists"},
		"a name that nobody may read": {nil, app(), func(f *fault.Injector) {
			f.Add(post, fault.Always(), fault.Respond(400, nil, taken))
			f.Add(byName, fault.From(2), fault.Respond(403, nil, denied))
		}, reconcile.NotDone, false, "already exists"},
		"a sync that was just deleted": {[]siminfisical.Sync{appRow()}, different, func(f *fault.Injector) { f.Add(patch, fault.Always(), fault.Respond(404, nil, notThere)) }, reconcile.NotDone, false, "Could not find"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSyncSafe(t, test.there...)
			test.spoil(s.infisical.Faults())
			results, err := s.syncRun(t, reconcile.SyncOptions{}, test.desired)
			if got := results[0]; got.Outcome != test.outcome || got.Changed() != test.changed || (err == nil) != test.changed || !strings.Contains(got.Error, test.says) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

const (
	denied   = `{"reqId":"req-1","statusCode":403,"message":"You are not allowed to read on secret-syncs","error":"PermissionDenied"}`
	notThere = `{"reqId":"req-1","statusCode":404,"message":"Could not find Bitbucket Sync with name \"app\"","error":"NotFound"}`
	taken    = `{"reqId":"req-1","statusCode":400,"message":"A Secret Sync with the name \"app\" already exists for the project with ID \"p\"","error":"BadRequest"}`
)

// forgetful is a server that stores less than it is sent.
type forgetful struct{ *infisical.Client }

func (f forgetful) CreateSync(ctx context.Context, projectID string, settings infisical.SyncSettings) (infisical.Sync, error) {
	settings.KeySchema = ""
	return f.Client.CreateSync(ctx, projectID, settings)
}

func TestTheAnswerIsComparedWithWhatWasAsked(t *testing.T) {
	t.Parallel()
	s := newSyncSafe(t)
	api := forgetful{s.client()}
	plans, err := reconcile.PlanSyncs(t.Context(), api, []manifest.Sync{app()}, nil, reconcile.SyncOptions{Owner: "app"})
	if err != nil {
		t.Fatal(err)
	}
	results, err := reconcile.ApplySyncs(t.Context(), api, plans, nil)
	if err == nil || !strings.Contains(err.Error(), "not as sent (key_schema)") || results[0].Outcome != reconcile.Unknown {
		t.Errorf("got %v, %+v", err, results)
	}
}

// TestASyncWaitsForItsConnection that the same apply makes.
func TestASyncWaitsForItsConnection(t *testing.T) {
	t.Parallel()
	s := newSyncSafe(t)
	client := s.client()
	connections, err := reconcile.PlanConnections(t.Context(), client, []reconcile.DesiredConnection{wanted("fresh", in(simProject)), wanted("bad", in(simProject), token("dead"))})
	if err != nil {
		t.Fatal(err)
	}
	using := func(connection string) manifest.Sync {
		return app(func(s *manifest.Sync) { s.Name, s.Connection, s.Repository = connection, connection, connection })
	}
	plans, err := reconcile.PlanSyncs(t.Context(), client, []manifest.Sync{using("fresh"), using("bad")}, connections, reconcile.SyncOptions{Owner: "app"})
	if err != nil {
		t.Fatal(err)
	}
	made, _ := reconcile.ApplyConnections(t.Context(), client, connections, reconcile.ConnectionOptions{})
	results, _ := reconcile.ApplySyncs(t.Context(), client, plans, made)
	if !results[0].Changed() || !strings.Contains(results[1].Error, "was not made") {
		t.Errorf("%+v", results)
	}
}

// TestDeleteSync leaves the variables, or removes them first and waits for that.
func TestDeleteSync(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		row     siminfisical.Sync
		request reconcile.SyncDeletion
		takes   time.Duration
		token   string
		found   bool
		left    int
		says    string
	}{
		"at once":                {appRow(), reconcile.SyncDeletion{Name: "app"}, 0, "token-1", true, 0, ""},
		"not there":              {appRow(), reconcile.SyncDeletion{Name: "web"}, 0, "token-1", false, 1, ""},
		"another owner's":        {appRow(described("managed by linkersync · owner x")), reconcile.SyncDeletion{Name: "app"}, 0, "token-1", true, 1, `delete sync "app"`},
		"by hand":                {appRow(described("")), reconcile.SyncDeletion{Name: "app"}, 0, "token-1", true, 1, "did not make it"},
		"by hand, with a yes":    {appRow(described("")), reconcile.SyncDeletion{Name: "app", Unmanaged: true}, 0, "token-1", true, 0, ""},
		"with its variables":     {appRow(), reconcile.SyncDeletion{Name: "app", RemoveVariables: true}, time.Minute, "token-1", true, 0, ""},
		"with a dead token":      {appRow(), reconcile.SyncDeletion{Name: "app", RemoveVariables: true}, time.Minute, "dead", true, 1, "could not be removed"},
		"for hours":              {appRow(), reconcile.SyncDeletion{Name: "app", RemoveVariables: true}, time.Hour, "token-1", true, 1, "not known yet"},
		"without a folder":       {appRow(func(r *siminfisical.Sync) { r.SecretPath = "" }), reconcile.SyncDeletion{Name: "app", RemoveVariables: true}, 0, "token-1", true, 1, "folder no longer exists"},
		"beside a run under way": {appRow(), reconcile.SyncDeletion{Name: "app", RemoveVariables: true, Progress: func(string) {}}, time.Minute, "busy", true, 0, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSyncSafe(t, test.row)
			if test.token == "dead" {
				state := s.infisical.Snapshot()
				for i := range state.Connections {
					state.Connections[i].APIToken = test.token
				}
				s.seed(t, siminfisical.State{Connections: state.Connections})
			}
			client := s.client()
			s.infisical.SetRunTime(test.takes)
			if test.token == "busy" {
				if _, err := client.RunSync(t.Context(), appSync); err != nil {
					t.Fatal(err)
				}
			}
			test.request.ProjectID, test.request.Owner, test.request.Sleep = simProject, "app", s.sleep
			_, found, err := reconcile.DeleteSync(t.Context(), client, test.request)
			if left := len(s.infisical.Snapshot().Syncs); found != test.found || left != test.left || (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("found %v, %d left, %v", found, left, err)
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
