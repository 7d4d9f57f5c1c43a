package infisical_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/infisical"
)

func TestConnectionLivesFromCreateToDelete(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	made := r.want(200, "", "", request{
		method: "POST", path: connectionsURL, token: token,
		body: creation(map[string]any{"description": " by hand ", "projectId": project, "unknown": 1}),
	})
	if strings.Contains(made.body, "good") {
		t.Errorf("the token is in the answer: %s", made.body)
	}
	c := made.one(t)
	if c.Name != "bitbucket-main" || *c.Description != "by hand" || c.OrgID != org || *c.ProjectID != project ||
		c.App != "bitbucket" || c.Method != "api-token" || c.Credentials.Email != email ||
		c.CreatedAt != "2026-01-02T03:04:05.000Z" || len(c.CredentialsHash) != 64 {
		t.Errorf("created %+v", c)
	}
	byID := connectionsURL + "/" + c.ID
	if diff := cmp.Diff(c, r.want(200, "", "", request{method: "GET", path: byID, token: token}).one(t)); diff != "" {
		t.Error(diff)
	}
	byName := connectionsURL + "/connection-name/bitbucket-main?projectId=" + project
	if diff := cmp.Diff(c, r.want(200, "", "", request{method: "GET", path: byName, token: token}).one(t)); diff != "" {
		t.Error(diff)
	}
	deleted := r.want(200, "", "", request{method: "DELETE", path: byID, token: token}).one(t)
	if diff := cmp.Diff(c, deleted); diff != "" {
		t.Error(diff)
	}
	missing := "Could not find App Connection with ID " + c.ID
	for _, method := range []string{"GET", "DELETE"} {
		r.want(404, "NotFound", missing, request{method: method, path: byID, token: token})
	}
	r.want(404, "NotFound", missing, request{method: "PATCH", path: byID, token: token, body: `{}`})
}

func TestAnswerHasTheFieldsOfTheServer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	var got struct{ AppConnection map[string]any }
	r.want(200, "", "", request{method: "POST", path: connectionsURL, token: token, body: creation(nil)}).decode(t, &got)
	want := []string{
		"app", "createdAt", "credentials", "credentialsHash", "description", "gatewayId", "gatewayPoolId", "id", "isAutoRotationEnabled",
		"isPlatformManagedCredentials", "method", "name", "orgId", "projectId", "updatedAt", "version",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got.AppConnection))); diff != "" {
		t.Error(diff)
	}
	for field, want := range map[string]any{
		"description": nil, "projectId": nil, "gatewayId": nil, "gatewayPoolId": nil,
		"isAutoRotationEnabled": false, "isPlatformManagedCredentials": false, "version": 1.0,
	} {
		if got.AppConnection[field] != want {
			t.Errorf("%s is %v, want %v", field, got.AppConnection[field], want)
		}
	}
}

func TestUpdateChangesOnlyWhatIsSent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	before := r.create(token, map[string]any{"description": "first"})
	byID := connectionsURL + "/" + before.ID
	patch := func(body string) connection {
		t.Helper()
		r.clock.Advance(time.Second)
		return r.want(200, "", "", request{method: "PATCH", path: byID, token: token, body: body}).one(t)
	}
	r.bitbucket.Faults().ResetCalls()

	got := patch(`{"name":"renamed","projectId":"project-2","method":"x"}`)
	want := before
	want.Name, want.UpdatedAt = "renamed", "2026-01-02T03:04:06.000Z"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got = patch(`{"description":"second"}`); *got.Description != "second" || got.Name != "renamed" {
		t.Errorf("got %+v", got)
	}
	if got = patch(`{}`); *got.Description != "second" {
		t.Errorf("got %+v", got)
	}
	if got = patch(`{"description":null}`); got.Description != nil || got.CredentialsHash != before.CredentialsHash {
		t.Errorf("got %+v", got)
	}
	if calls := r.bitbucket.Faults().Total(); calls != 0 {
		t.Errorf("%d calls to Bitbucket without credentials to check", calls)
	}

	same := `{"credentials":{"email":"` + email + `","apiToken":" good "}}`
	if got = patch(same); got.CredentialsHash == before.CredentialsHash {
		t.Error("writing the same credentials again left the hash as it was")
	}
	if stored := r.sim.Snapshot().Connections[0]; stored.APIToken != "good" {
		t.Errorf("stored token is %q, want it trimmed", stored.APIToken)
	}
	patch(`{"credentials":{"email":"` + email + `","apiToken":"better"}}`)
	if stored := r.sim.Snapshot().Connections[0]; stored.APIToken != "better" {
		t.Errorf("stored token is %q", stored.APIToken)
	}
	if calls := r.bitbucket.Faults().Total(); calls != 2 {
		t.Errorf("%d calls to Bitbucket, want 2", calls)
	}
}

func TestNamesAreUniquePerScopeAcrossApps(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.seed(infisical.State{Connections: []infisical.Connection{
		{Name: "taken", App: "github", Method: "oauth", OrgID: org}, {Name: "elsewhere", OrgID: otherOrg},
	}})
	create := func(name, project string) request {
		changes := map[string]any{"name": name}
		if project != "" {
			changes["projectId"] = project
		}
		return request{method: "POST", path: connectionsURL, token: token, body: creation(changes)}
	}
	exists := func(name string) string {
		return fmt.Sprintf(`An App Connection with the name "%s" already exists`, name)
	}
	r.want(400, "BadRequest", exists("taken"), create("taken", ""))
	for _, free := range []request{create("taken", project), create("taken", "project-2"), create("elsewhere", ""), create("mine", "")} {
		r.want(200, "", "", free)
	}
	r.want(400, "BadRequest", exists("taken"), create("taken", project))
	mine := r.want(200, "", "", request{method: "GET", path: connectionsURL + "/connection-name/mine", token: token}).one(t)
	byID := connectionsURL + "/" + mine.ID
	r.want(400, "BadRequest", exists("elsewhere"), request{method: "PATCH", path: byID, token: token, body: `{"name":"elsewhere"}`})
	r.want(200, "", "", request{method: "PATCH", path: byID, token: token, body: `{"name":"mine"}`})
}

// Permission, then Bitbucket, then the name: each is only told once the one before is right.
func TestCreateChecksInTheServersOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	robotToken, readerToken := r.login("robot"), r.login("reader")
	r.create(robotToken, nil)
	bad := map[string]any{"email": email, "apiToken": "bad"}
	create := func(token string, changes map[string]any) request {
		return request{method: "POST", path: connectionsURL, token: token, body: creation(changes)}
	}
	r.bitbucket.Faults().ResetCalls()
	r.want(422, "ValidationFailure", "", create(readerToken, map[string]any{"name": "Bad Name"}))
	r.want(400, "BadRequest", "Could not find project with ID nope", create(readerToken, map[string]any{"projectId": "nope"}))
	r.want(403, "PermissionDenied", "You are not allowed to create on app-connections", create(readerToken, map[string]any{"credentials": bad}))
	if calls := r.bitbucket.Faults().Total(); calls != 0 {
		t.Errorf("%d calls to Bitbucket before the permission was checked", calls)
	}
	r.want(400, "BadRequest", "Failed to validate credentials: Request failed with status code 401", create(robotToken, map[string]any{"credentials": bad}))
	r.want(400, "BadRequest", `An App Connection with the name "bitbucket-main" already exists`, create(robotToken, nil))
}

func TestPermissionsArePerActionAndScope(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	robotToken, readerToken := r.login("robot"), r.login("reader")
	ofOrg := r.create(robotToken, nil)
	ofProject := r.create(robotToken, map[string]any{"projectId": project})
	denied := func(action string) string { return "You are not allowed to " + action + " on app-connections" }
	path := func(c connection) string { return connectionsURL + "/" + c.ID }

	r.want(200, "", "", request{method: "GET", path: path(ofOrg), token: readerToken})
	got := r.want(403, "PermissionDenied", denied("read"), request{method: "GET", path: path(ofProject), token: readerToken})
	if !strings.Contains(got.body, `"details":[]`) {
		t.Errorf("body %s has no details", got.body)
	}
	r.want(403, "PermissionDenied", denied("edit"), request{method: "PATCH", path: path(ofOrg), token: readerToken, body: `{}`})
	r.want(403, "PermissionDenied", denied("delete"), request{method: "DELETE", path: path(ofOrg), token: readerToken})
	r.want(403, "PermissionDenied", denied("read"), request{method: "GET", path: connectionsURL + "?projectId=" + project, token: readerToken})
	r.want(403, "PermissionDenied", denied("connect"), request{method: "GET", path: connectionsURL + "/available?projectId=" + project, token: readerToken})
	if got := r.want(200, "", "", request{method: "GET", path: connectionsURL + "/available", token: readerToken}).names(t); len(got) != 0 {
		t.Errorf("without the permission to connect %v are available", got)
	}
	stranger := r.login("stranger")
	r.want(403, "ForbiddenError", "You are not logged into this organization", request{method: "GET", path: path(ofOrg), token: stranger})
	r.want(404, "NotFound", "Could not find App Connection with name bitbucket-main in organization scope.",
		request{method: "GET", path: connectionsURL + "/connection-name/bitbucket-main", token: stranger})
}

func TestListsAreSortedAndScoped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.seed(infisical.State{Connections: []infisical.Connection{
		{Name: "b", OrgID: org},
		{Name: "C", OrgID: org},
		{Name: "a", OrgID: org, ProjectID: project},
		{Name: "d", App: "github", OrgID: org},
		{Name: "e", OrgID: otherOrg},
		{Name: "f", OrgID: org, ProjectID: "project-2"},
	}})
	for path, want := range map[string][]string{
		connectionsURL:                                            {"a", "b", "C", "f"},
		"/api/v1/app-connections":                                 {"a", "b", "C", "d", "f"},
		connectionsURL + "?projectId=" + project:                  {"a"},
		connectionsURL + "/available":                             {"b", "C"},
		connectionsURL + "/available?projectId=" + project:        {"a", "b", "C"},
		"/api/v1/app-connections?projectId=project-2":             {"f"},
		"/api/v1/app-connections/bitbucket/?projectId=" + project: {"a"},
	} {
		if diff := cmp.Diff(want, r.want(200, "", "", request{method: "GET", path: path, token: token}).names(t)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	r.want(404, "NotFound", "Project with ID 'nope' not found", request{method: "GET", path: connectionsURL + "?projectId=nope", token: token})
	r.want(400, "BadRequest", "Could not find project with ID nope", request{method: "GET", path: connectionsURL + "/available?projectId=nope", token: token})
	r.want(422, "ValidationFailure", "", request{method: "GET", path: connectionsURL + "?projectId=a&projectId=b", token: token})

	var got struct{ AppConnections []connection }
	r.want(200, "", "", request{method: "GET", path: connectionsURL + "?projectId=" + project, token: token}).decode(t, &got)
	if p := got.AppConnections[0].Project; p == nil || p.Slug != "project" || p.ID != project {
		t.Errorf("project is %+v", p)
	}
}

func TestNameIsLookedUpInOneScope(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.create(token, map[string]any{"projectId": project})
	r.seed(infisical.State{Connections: []infisical.Connection{{Name: "with space", OrgID: org}, {Name: "hub", App: "github", OrgID: org}}})
	get := func(name string) request {
		return request{method: "GET", path: connectionsURL + "/connection-name/" + name, token: token}
	}
	r.want(200, "", "", get("bitbucket-main?projectId="+project))
	r.want(404, "NotFound", "Could not find App Connection with name bitbucket-main in organization scope.", get("bitbucket-main"))
	r.want(404, "NotFound", "Could not find App Connection with name bitbucket-main in project scope.", get("bitbucket-main?projectId=project-2"))
	r.want(200, "", "", get("with%20space"))
	r.want(400, "BadRequest", `App Connection with name hub is not for App "bitbucket"`, get("hub"))
	r.want(422, "ValidationFailure", "", get("%20"))
}

func TestOtherAppsConnectionsAreOutOfReach(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	const id = "11111111-2222-4333-8444-555555555555"
	r.seed(infisical.State{Connections: []infisical.Connection{{ID: id, Name: "hub", App: "github", Method: "oauth", OrgID: org}}})
	wrong := "App Connection with ID " + id + ` is not for App "bitbucket"`
	for _, q := range []request{{method: "GET"}, {method: "PATCH", body: `{"name":"x"}`}, {method: "DELETE"}} {
		q.path, q.token = connectionsURL+"/"+id, token
		r.want(400, "BadRequest", wrong, q)
	}
}

func TestConnectionInUseStays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	const id = "11111111-2222-4333-8444-555555555555"
	r.seed(infisical.State{Connections: []infisical.Connection{{ID: id, Name: "used", OrgID: org, InUse: true}}})
	r.want(400, "BadRequest", "Cannot delete App Connection with existing connections. Remove all existing connections and try again.",
		request{method: "DELETE", path: connectionsURL + "/" + id, token: token})
	r.want(200, "", "", request{method: "GET", path: connectionsURL + "/" + id, token: token})
}

func TestOptionsNameBitbucket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var got struct{ AppConnectionOptions []json.RawMessage }
	r.want(200, "", "", request{method: "GET", path: "/api/v1/app-connections/options", token: r.login("reader")}).decode(t, &got)
	want := `{"app":"bitbucket","methods":["api-token"],"name":"Bitbucket"}`
	if !slices.ContainsFunc(got.AppConnectionOptions, func(o json.RawMessage) bool { return string(o) == want }) {
		t.Errorf("options %s do not contain %s", got.AppConnectionOptions, want)
	}
}

func TestSomeRoutesAreForPeopleOrNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	for _, name := range []string{"workspaces", "repositories?workspaceSlug=x"} {
		path := connectionsURL + "/11111111-2222-4333-8444-555555555555/" + name
		r.want(403, "Forbidden access to "+path, "You are not allowed to access this resource", request{method: "GET", path: path, token: token})
		r.want(401, "UnauthorizedError", "Token missing", request{method: "GET", path: path})
	}
	for _, q := range []request{
		{method: "GET", path: "/"},
		{method: "PUT", path: connectionsURL},
		{method: "GET", path: "/api/v1/app-connections/github"},
		{method: "POST", path: "/api/v1/auth/other/login"},
		{method: "GET", path: loginURL},
		{method: "GET", path: connectionsURL + "/a/b/c"},
		{method: "GET", path: connectionsURL + "/11111111-2222-4333-8444-555555555555/other", token: token},
		{method: "POST", path: connectionsURL + "/11111111-2222-4333-8444-555555555555"},
	} {
		if got := r.do(q); got.status != 404 {
			t.Errorf("%s %s: status %d, want 404", q.method, q.path, got.status)
		}
	}
}
