package infisical_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/infisical"
)

const (
	syncsURL    = "/api/v1/secret-syncs/bitbucket"
	sourcesURL  = "/api/v2/secret-scanning/data-sources/bitbucket"
	uuidProject = "99999999-0000-4000-8000-000000000001"
	uuidScans   = "99999999-0000-4000-8000-000000000002"
	usable      = "99999999-0000-4000-8000-00000000000a"
	elsewhere   = "99999999-0000-4000-8000-00000000000b"
	foreignApp  = "99999999-0000-4000-8000-00000000000c"
	nowhere     = "99999999-0000-4000-8000-00000000000d"
)

// withSyncs adds a project with folders, one of scans, and connections to both.
func (r *rig) withSyncs(actions ...infisical.Action) (token string) {
	r.t.Helper()
	if len(actions) == 0 {
		actions = infisical.Everything()
	}
	r.seed(infisical.State{
		Projects: []infisical.Project{
			{ID: uuidProject, OrgID: org, Name: "App", Type: "secret-manager", Folders: map[string][]string{"prod": {"/", "/ci"}}},
			{ID: uuidScans, OrgID: org, Name: "Scans", Type: "secret-scanning"},
		},
		Identities: []infisical.Identity{{
			ID: "syncer", OrgID: org, Permissions: infisical.Everything(),
			Projects:  map[string][]infisical.Action{uuidProject: actions, uuidScans: actions, project: infisical.Everything()},
			Universal: &infisical.UniversalAuth{ClientID: "syncer", Secrets: []infisical.ClientSecret{{Value: "secret"}}},
		}},
		Connections: []infisical.Connection{
			{ID: usable, Name: "usable", OrgID: org, Email: email, APIToken: "good"},
			{ID: elsewhere, Name: "elsewhere", OrgID: org, ProjectID: project, Email: email, APIToken: "good"},
			{ID: foreignApp, Name: "github", OrgID: org, App: "github"},
		},
	})
	return r.login("syncer")
}

// syncBody is a correct body of a create with some fields changed; nil removes one.
func syncBody(changes map[string]any) string {
	fields := map[string]any{
		"name": "app", "projectId": uuidProject, "connectionId": usable, "environment": "prod", "secretPath": "/ci/",
		"syncOptions":       map[string]any{"initialSyncBehavior": "overwrite-destination", "keySchema": "APP_{{secretKey}}"},
		"destinationConfig": map[string]any{"workspaceSlug": "acme", "repositorySlug": "app", "environmentId": "{env}"},
	}
	for name, value := range changes {
		fields[name] = value
		if value == nil {
			delete(fields, name)
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(body)
}

type syncRow struct {
	ID, Name, ConnectionID, SyncStatus, RemoveStatus, LastSyncMessage, LastSyncedAt string
	IsAutoSyncEnabled                                                               bool
	SyncOptions, DestinationConfig                                                  map[string]any
}

func (r *rig) sync(method, path, token, body string) syncRow {
	r.t.Helper()
	var got struct{ SecretSync syncRow }
	r.want(200, "", "", request{method: method, path: syncsURL + path, token: token, body: body}).decode(r.t, &got)
	return got.SecretSync
}

func TestASyncsLife(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.withSyncs()
	made := r.sync("POST", "", token, syncBody(nil))
	if made.SyncStatus != "pending" || !made.IsAutoSyncEnabled || made.ConnectionID != usable {
		t.Fatalf("created %+v", made)
	}
	after := r.sync("GET", "/sync-name/app?projectId="+uuidProject, token, "")
	if after.SyncStatus != "succeeded" || after.LastSyncedAt == "" {
		t.Errorf("after the run: %+v", after)
	}
	// An update that leaves out part of an object takes that part away.
	changed := r.sync("PATCH", "/"+made.ID, token, `{"isAutoSyncEnabled":false,"syncOptions":{"initialSyncBehavior":"overwrite-destination"},"destinationConfig":{"workspaceSlug":"acme","repositorySlug":"app"}}`)
	want := map[string]any{"workspaceSlug": "acme", "repositorySlug": "app"}
	if diff := cmp.Diff(want, changed.DestinationConfig); diff != "" || changed.SyncOptions["keySchema"] != nil || changed.SyncStatus != "succeeded" {
		t.Errorf("changed to %+v\n%s", changed, diff)
	}
	r.want(400, "BadRequest", "Cannot delete App Connection with existing connections. Remove all existing connections and try again.",
		request{method: "DELETE", path: connectionsURL + "/" + usable, token: token})

	// A token that Bitbucket no longer takes fails the next run, and a failed sync
	// stays failed until it is triggered again.
	state := r.sim.Snapshot()
	for i := range state.Connections {
		state.Connections[i].APIToken = "dead"
	}
	r.seed(infisical.State{Connections: state.Connections})
	if triggered := r.sync("POST", "/"+made.ID+"/sync-secrets", token, ""); triggered.SyncStatus != "pending" {
		t.Errorf("triggered: %+v", triggered)
	}
	failed := r.sync("GET", "/"+made.ID, token, "")
	if failed.SyncStatus != "failed" || !strings.Contains(failed.LastSyncMessage, `{"error":`) || failed.LastSyncedAt != after.LastSyncedAt {
		t.Errorf("failed: %+v", failed)
	}
	if got := r.sync("DELETE", "/"+made.ID+"?removeSecrets=true", token, ""); got.RemoveStatus != "pending" {
		t.Errorf("deleting: %+v", got)
	}
	if got := r.sync("GET", "/"+made.ID, token, ""); got.RemoveStatus != "failed" {
		t.Errorf("a dead token removed the variables: %+v", got)
	}
	r.sync("DELETE", "/"+made.ID, token, "")
	r.want(404, "NotFound", `Could not find Bitbucket Sync with ID "`+made.ID+`"`, request{method: "GET", path: syncsURL + "/" + made.ID, token: token})
}

func TestARunTakesItsTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.withSyncs()
	const busy = "99999999-0000-4000-8000-0000000000aa"
	r.seed(infisical.State{Syncs: []infisical.Sync{{ID: busy, Name: "app", ProjectID: uuidProject, ConnectionID: usable, Environment: "prod", SecretPath: "/"}}})
	r.sim.SetRunTime(time.Minute)
	r.sync("POST", "/"+busy+"/sync-secrets", token, "")
	r.want(400, "BadRequest", "A job for this sync is already in progress. Please try again shortly.",
		request{method: "POST", path: syncsURL + "/" + busy + "/sync-secrets", token: token})
	r.clock.Advance(time.Minute)
	if got := r.sync("GET", "/"+busy, token, ""); got.SyncStatus != "succeeded" {
		t.Errorf("after a minute: %+v", got)
	}
	r.sync("DELETE", "/"+busy+"?removeSecrets=true", token, "")
	r.clock.Advance(time.Minute)
	r.want(404, "NotFound", `Could not find Bitbucket Sync with ID "`+busy+`"`, request{method: "GET", path: syncsURL + "/" + busy, token: token})
}

func TestSyncsAreRefusedInTheServersWords(t *testing.T) {
	t.Parallel()
	const taken = "99999999-0000-4000-8000-0000000000aa"
	body := func(changes map[string]any) request {
		return request{method: "POST", path: syncsURL, body: syncBody(changes)}
	}
	tests := map[string]struct {
		status        int
		name, message string
		call          request
	}{
		"folder":             {400, "BadRequest", `Could not find folder with path "/x" in environment "prod" for project with ID "` + uuidProject + `"`, body(map[string]any{"secretPath": "/x"})},
		"environment":        {400, "BadRequest", `Could not find folder with path "/ci" in environment "x" for project with ID "` + uuidProject + `"`, body(map[string]any{"environment": "x"})},
		"name taken":         {400, "BadRequest", `A Secret Sync with the name "taken" already exists for the project with ID "` + uuidProject + `"`, body(map[string]any{"name": "taken"})},
		"no connection":      {404, "NotFound", "Could not find App Connection with ID " + nowhere, body(map[string]any{"connectionId": nowhere})},
		"another project's":  {400, "BadRequest", `You cannot connect project App Connection with ID "` + elsewhere + `" from project with ID "` + project + `" to project with ID "` + uuidProject + `"`, body(map[string]any{"connectionId": elsewhere})},
		"another app's":      {400, "BadRequest", "github Connection with ID " + foreignApp + " cannot be used to connect to Bitbucket", body(map[string]any{"connectionId": foreignApp})},
		"type of project":    {400, "BadRequest", "The project is of type secret-scanning. Operations of type secret-manager are not allowed.", request{method: "GET", path: syncsURL + "?projectId=" + uuidScans}},
		"type of the other":  {400, "BadRequest", "The project is of type secret-manager. Operations of type secret-scanning are not allowed.", request{method: "GET", path: sourcesURL + "?projectId=" + uuidProject}},
		"not a member":       {403, "ForbiddenError", "Identity is not a member of the project", request{method: "GET", path: syncsURL + "?projectId=project-2"}},
		"no such name":       {404, "NotFound", `Could not find Bitbucket Sync with name "x"`, request{method: "GET", path: syncsURL + "/sync-name/x?projectId=" + uuidProject}},
		"import":             {400, "BadRequest", "Bitbucket does not support importing secrets.", request{method: "POST", path: syncsURL + "/" + taken + "/import-secrets"}},
		"no project":         {422, "ValidationFailure", "", request{method: "GET", path: syncsURL}},
		"no UUID":            {422, "ValidationFailure", "", request{method: "GET", path: syncsURL + "/x"}},
		"behaviour":          {422, "ValidationFailure", "", body(map[string]any{"syncOptions": map[string]any{"initialSyncBehavior": "import"}})},
		"key schema":         {422, "ValidationFailure", "", body(map[string]any{"syncOptions": map[string]any{"initialSyncBehavior": "overwrite-destination", "keySchema": "APP"}})},
		"no options":         {422, "ValidationFailure", "", body(map[string]any{"syncOptions": nil})},
		"no destination":     {422, "ValidationFailure", "", body(map[string]any{"destinationConfig": nil})},
		"automatic as text":  {422, "ValidationFailure", "", body(map[string]any{"isAutoSyncEnabled": "yes"})},
		"upper case":         {422, "ValidationFailure", "", body(map[string]any{"name": "App"})},
		"removeSecrets=1":    {422, "ValidationFailure", "", request{method: "DELETE", path: syncsURL + "/" + taken + "?removeSecrets=1"}},
		"target of a no one": {422, "ValidationFailure", "", request{method: "POST", path: syncsURL + "/check-destination", body: `{"projectId":"x","destinationConfig":{"workspaceSlug":"","repositorySlug":""}}`}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			test.call.token = r.withSyncs()
			r.seed(infisical.State{Syncs: []infisical.Sync{{ID: taken, Name: "taken", ProjectID: uuidProject, ConnectionID: usable, Environment: "prod", SecretPath: "/"}}})
			r.want(test.status, test.name, test.message, test.call)
		})
	}
}

func TestSyncsNeedTheirPermissions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.withSyncs(infisical.Connect)
	const id = "99999999-0000-4000-8000-0000000000aa"
	r.seed(infisical.State{
		Syncs:       []infisical.Sync{{ID: id, Name: "app", ProjectID: uuidProject, ConnectionID: usable, Environment: "prod", SecretPath: "/"}},
		DataSources: []infisical.DataSource{{ID: id, Name: "all", ProjectID: uuidScans, ConnectionID: usable}},
	})
	for line, verb := range map[string]string{
		"GET ?projectId=" + uuidProject: "read", "GET /" + id: "read", "POST /" + id + "/sync-secrets": "sync-secrets",
		"POST /" + id + "/remove-secrets": "remove-secrets", "DELETE /" + id: "delete", "DELETE /" + id + "?removeSecrets=true": "delete",
	} {
		method, path, _ := strings.Cut(line, " ")
		r.want(403, "PermissionDenied", "You are not allowed to "+verb+" on secret-syncs", request{method: method, path: syncsURL + path, token: token})
	}
	r.want(403, "PermissionDenied", "You are not allowed to create on secret-syncs", request{method: "POST", path: syncsURL, token: token, body: syncBody(nil)})
	r.want(403, "PermissionDenied", "You are not allowed to read-data-sources on secret-scanning-data-sources",
		request{method: "GET", path: sourcesURL + "?projectId=" + uuidScans, token: token})
	r.want(403, "PermissionDenied", "You are not allowed to read-data-source-scans on secret-scanning-data-sources",
		request{method: "GET", path: sourcesURL + "/" + id + "/scans", token: token})
}

func TestDuplicateDestinations(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.withSyncs()
	r.sync("POST", "", token, syncBody(nil))
	check := request{
		method: "POST", path: syncsURL + "/check-destination", token: token,
		body: `{"projectId":"` + uuidProject + `","destinationConfig":{"workspaceSlug":"acme","repositorySlug":"app","environmentId":"{env}"}}`,
	}
	if got := r.want(200, "", "", check); got.body != `{"duplicateProjectId":"`+uuidProject+`","hasDuplicate":true}` {
		t.Error(got.body)
	}
	r.sync("POST", "", token, syncBody(map[string]any{"name": "second"}))
	r.seed(infisical.State{Organizations: []infisical.Organization{{ID: org, Slug: "example", BlockDuplicateDestinations: true}}})
	r.want(400, "BadRequest", "A secret sync with this destination already exists in project "+uuidProject+".",
		request{method: "POST", path: syncsURL, token: token, body: syncBody(map[string]any{"name": "third"})})
}

func TestDataSourcesAndTheirScans(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.withSyncs()
	const id = "99999999-0000-4000-8000-0000000000aa"
	r.seed(infisical.State{DataSources: []infisical.DataSource{{
		ID: id, Name: "all", ProjectID: uuidScans, ConnectionID: usable, Workspace: "acme", Repositories: []string{"*"},
		Scans: []infisical.Scan{{ID: "1", Status: "failed", Message: "401", CreatedAt: r.clock.Now()}},
	}}})
	var listed struct {
		DataSources []struct{ ID, ConnectionID string }
	}
	r.want(200, "", "", request{method: "GET", path: sourcesURL + "?projectId=" + uuidScans, token: token}).decode(t, &listed)
	var scans struct {
		Scans []struct{ Status, StatusMessage, CreatedAt string }
	}
	r.want(200, "", "", request{method: "GET", path: sourcesURL + "/" + id + "/scans", token: token}).decode(t, &scans)
	if len(listed.DataSources) != 1 || listed.DataSources[0].ConnectionID != usable || len(scans.Scans) != 1 || scans.Scans[0].StatusMessage != "401" {
		t.Errorf("%+v, %+v", listed, scans)
	}
	var projects struct{ Projects []struct{ ID string } }
	r.want(200, "", "", request{method: "GET", path: "/api/v1/projects?type=secret-scanning", token: token}).decode(t, &projects)
	if len(projects.Projects) != 1 || projects.Projects[0].ID != uuidScans {
		t.Errorf("projects %+v", projects)
	}
	r.seed(infisical.State{Projects: []infisical.Project{{ID: uuidScans, OrgID: org, Type: "secret-scanning", NoScanning: true}}})
	r.want(400, "BadRequest", "Failed to access Secret Scanning Data Sources due to plan restriction. Upgrade plan to enable Secret Scanning.",
		request{method: "GET", path: sourcesURL + "?projectId=" + uuidScans, token: token})
}
