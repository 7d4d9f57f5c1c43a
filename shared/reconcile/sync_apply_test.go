package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

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
	if _, err := reconcile.ApplySyncs(t.Context(), api, plans, nil); err == nil || !strings.Contains(err.Error(), "not as sent (key_schema)") {
		t.Errorf("got %v", err)
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
