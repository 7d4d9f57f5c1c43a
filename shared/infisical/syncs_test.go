package infisical_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	simulator "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/infisical"
)

const (
	syncID   = "dddddddd-0000-4000-8000-00000000000a"
	sourceID = "dddddddd-0000-4000-8000-00000000000b"
)

// TestAnswersAboutSyncsHaveTheirMeaning is the facts' table of errors.
func TestAnswersAboutSyncsHaveTheirMeaning(t *testing.T) {
	t.Parallel()
	const base = " /api/v1/secret-syncs/bitbucket"
	listSyncs := func(ctx context.Context, c *infisical.Client) error { _, err := c.Syncs(ctx, projectID); return err }
	get := func(ctx context.Context, c *infisical.Client) error { _, err := c.Sync(ctx, syncID); return err }
	run := func(ctx context.Context, c *infisical.Client) error { _, err := c.RunSync(ctx, syncID); return err }
	sources := func(ctx context.Context, c *infisical.Client) error {
		_, err := c.DataSources(ctx, projectID)
		return err
	}
	scans := func(ctx context.Context, c *infisical.Client) error {
		_, _, err := c.NewestScan(ctx, sourceID)
		return err
	}
	settings := syncSettings()
	create := func(ctx context.Context, c *infisical.Client) error {
		_, err := c.CreateSync(ctx, projectID, settings)
		return err
	}
	update := func(ctx context.Context, c *infisical.Client) error {
		_, err := c.UpdateSync(ctx, syncID, settings)
		return err
	}
	byName := func(ctx context.Context, c *infisical.Client) error {
		_, err := c.SyncByName(ctx, "app", projectID)
		return err
	}
	remove := func(ctx context.Context, c *infisical.Client) error { return c.DeleteSync(ctx, syncID, true) }
	check := func(ctx context.Context, c *infisical.Client) error {
		_, _, err := c.CheckDestination(ctx, projectID, syncID, settings.Target)
		return err
	}
	projects := func(ctx context.Context, c *infisical.Client) error {
		_, err := c.Projects(ctx, infisical.SecretManager)
		return err
	}
	const v2 = "GET /api/v2/secret-scanning/data-sources/bitbucket"
	tests := map[string]struct {
		route string
		do    func(context.Context, *infisical.Client) error
		reply reply
		kinds []string
	}{
		"a run under way":            {"POST" + base + "/" + syncID + "/sync-secrets", run, refuse(400, "BadRequest", `"A job for this sync is already in progress. Please try again shortly."`), []string{"ErrBusy"}},
		"the folder is gone":         {"POST" + base + "/" + syncID + "/sync-secrets", run, refuse(400, "BadRequest", `"Invalid source configuration: folder no longer exists. Please update source environment and secret path."`), []string{"ErrInvalid"}},
		"no permission to run":       {"POST" + base + "/" + syncID + "/sync-secrets", run, refuse(403, "PermissionDenied", `"You are not allowed to sync-secrets on secret-syncs"`), []string{"ErrPermission"}},
		"no such sync":               {"GET" + base + "/" + syncID, get, refuse(404, "NotFound", `"Could not find Bitbucket Sync with ID \"project\""`), []string{"ErrNotFound"}},
		"a project of scans":         {"GET" + base, listSyncs, refuse(400, "BadRequest", `"The project is of type secret-scanning. Operations of type secret-manager are not allowed."`), []string{"ErrProjectType"}},
		"no such project":            {"GET" + base, listSyncs, refuse(404, "NotFound", `"Project with ID 'x' not found"`), []string{"ErrUnknownProject"}},
		"no permission to read":      {"GET" + base, listSyncs, refuse(403, "PermissionDenied", `"You are not allowed to read on secret-syncs"`), []string{"ErrPermission"}},
		"an older server":            {"GET" + base, listSyncs, refuse(404, "Not Found", `"Route GET:/api/v1/secret-syncs/bitbucket not found"`), []string{"ErrUnsupported"}},
		"a list without rows":        {"GET" + base, listSyncs, ok(`{}`), []string{"ErrUnexpectedAnswer"}},
		"a plan without scans":       {v2, sources, refuse(400, "BadRequest", `"Failed to access Secret Scanning Data Sources due to plan restriction. Upgrade plan."`), []string{"ErrPlan"}},
		"no such data source":        {v2 + "/" + sourceID + "/scans", scans, refuse(404, "NotFound", `"Could not find Bitbucket Data Source with ID \"x\""`), []string{"ErrNotFound"}},
		"no permission for scans":    {v2 + "/" + sourceID + "/scans", scans, refuse(403, "PermissionDenied", `"You are not allowed to read-data-source-scans on secret-scanning-data-sources"`), []string{"ErrPermission"}},
		"the name is taken":          {"POST" + base, create, refuse(400, "BadRequest", `"A Secret Sync with the name \"app\" already exists for the project with ID \"p\""`), []string{"ErrNameTaken"}},
		"no such folder":             {"POST" + base, create, refuse(400, "BadRequest", `"Could not find folder with path \"/x\" in environment \"prod\" for project with ID \"p\""`), []string{"ErrUnknownFolder"}},
		"another project's":          {"POST" + base, create, refuse(400, "BadRequest", `"You cannot connect project App Connection with ID \"c\" from project with ID \"a\" to project with ID \"b\""`), []string{"ErrInvalid"}},
		"another app's connection":   {"POST" + base, create, refuse(400, "BadRequest", `"github Connection with ID c cannot be used to connect to Bitbucket"`), []string{"ErrWrongApp"}},
		"no such connection":         {"POST" + base, create, refuse(404, "NotFound", `"Could not find App Connection with ID c"`), []string{"ErrNotFound"}},
		"the target is taken":        {"POST" + base, create, refuse(400, "BadRequest", `"A secret sync with this destination already exists in project p."`), []string{"ErrDuplicateTarget"}},
		"taken by another project":   {"POST" + base, create, refuse(400, "BadRequest", `"A secret sync with this destination already exists in another project in your organization."`), []string{"ErrDuplicateTarget"}},
		"the plan's limit":           {"POST" + base, create, refuse(400, "BadRequest", `"Failed to create Secret Sync: plan limit reached. Upgrade plan."`), []string{"ErrPlan"}},
		"an old project":             {"POST" + base, create, refuse(400, "BadRequest", `"Project version does not support Secret Syncs"`), []string{"ErrProjectType"}},
		"no permission to create":    {"POST" + base, create, refuse(403, "PermissionDenied", `"You are not allowed to create on secret-syncs"`), []string{"ErrPermission"}},
		"no permission for secrets":  {"POST" + base, create, refuse(403, "PermissionDenied", `"You do not have permission to read secrets at path \"/\" in environment \"prod\"."`), []string{"ErrPermission"}},
		"a name too long for it":     {"POST" + base, create, refuse(422, "ValidationFailure", `[{"code":"too_big","path":["name"],"message":"too long"}]`), []string{"ErrInvalid"}},
		"an update of no sync":       {"PATCH" + base + "/" + syncID, update, refuse(404, "NotFound", `"Could not find Bitbucket Sync with ID d"`), []string{"ErrNotFound"}},
		"no such name":               {"GET" + base + "/sync-name/app", byName, refuse(404, "NotFound", `"Could not find Bitbucket Sync with name \"app\""`), []string{"ErrNotFound"}},
		"the name of another kind":   {"GET" + base + "/sync-name/app", byName, refuse(400, "BadRequest", `"Secret sync with ID \"d\" is not configured for Bitbucket"`), []string{"ErrWrongApp"}},
		"a removal beside a run":     {"DELETE" + base + "/" + syncID, remove, refuse(400, "BadRequest", `"A job for this sync is already in progress. Please try again shortly."`), []string{"ErrBusy"}},
		"a removal without a folder": {"DELETE" + base + "/" + syncID, remove, refuse(400, "BadRequest", `"Invalid source configuration: folder no longer exists. Please update source environment and secret path."`), []string{"ErrInvalid"}},
		"no permission to remove":    {"DELETE" + base + "/" + syncID, remove, refuse(403, "PermissionDenied", `"You are not allowed to remove-secrets on secret-syncs"`), []string{"ErrPermission"}},
		"an older server's check":    {"POST" + base + "/check-destination", check, refuse(404, "Not Found", `"Route POST:/api/v1/secret-syncs/bitbucket/check-destination not found"`), []string{"ErrUnsupported"}},
		"a check without an answer":  {"POST" + base + "/check-destination", check, ok(`{}`), []string{"ErrUnexpectedAnswer"}},
		"projects of an old route":   {"GET /api/v1/projects", projects, refuse(404, "Not Found", `"Route GET:/api/v1/projects not found"`), []string{"ErrUnsupported"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(test.route, test.reply)
			checkKinds(t, test.do(t.Context(), server.client()), test.kinds...)
		})
	}
}

func syncSettings() infisical.SyncSettings {
	return infisical.SyncSettings{
		Name: "app", ConnectionID: connectionID, Environment: "prod", SecretPath: "/ci", KeySchema: "APP_{{secretKey}}",
		Target: infisical.Target{Workspace: "acme", Repository: "app", DeploymentEnvironment: "{env}"},
	}
}

// TestASyncsLife goes through it with the simulated server.
func TestASyncsLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed(simulator.State{Projects: []simulator.Project{{ID: projectID, OrgID: "org", Type: infisical.SecretManager, Folders: map[string][]string{"prod": {"/", "/ci"}}}}})
	client := w.client("robot")
	settings := syncSettings()
	settings.ConnectionID, settings.Description, settings.Recursive = w.create(client, "ci").ID, "to the app", true
	made, err := client.CreateSync(t.Context(), projectID, settings)
	if err != nil || made.Status != "" || made.ProjectID != projectID || made.ConnectionName != "ci" {
		t.Fatalf("%+v, %v", made, err)
	}
	if diff := cmp.Diff(settings, made.SyncSettings); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	settings.KeySchema, settings.DeploymentEnvironment, settings.Automatic, settings.Deletion = "", "", true, true
	changed, err := client.UpdateSync(t.Context(), made.ID, settings)
	if diff := cmp.Diff(settings, changed.SyncSettings); err != nil || diff != "" || changed.Status != "pending" {
		t.Errorf("%v, changed (-want +got):\n%s", err, diff)
	}
	if named, err := client.SyncByName(t.Context(), "app", projectID); err != nil || named.ID != made.ID || named.Status != "succeeded" {
		t.Errorf("by name: %+v, %v", named, err)
	}
	if with, found, err := client.CheckDestination(t.Context(), projectID, "", settings.Target); err != nil || !found || with != projectID {
		t.Errorf("target: %q, %v, %v", with, found, err)
	}
	if _, found, err := client.CheckDestination(t.Context(), projectID, made.ID, settings.Target); err != nil || found {
		t.Errorf("target beside itself: %v, %v", found, err)
	}
	if options, err := client.SyncOptions(t.Context()); err != nil || len(options) != 1 || options[0].Destination != "bitbucket" {
		t.Errorf("options %+v, %v", options, err)
	}
	w.infisical.SetRunTime(time.Minute)
	if err := client.DeleteSync(t.Context(), made.ID, true); err != nil {
		t.Error(err)
	}
	if going, err := client.Sync(t.Context(), made.ID); err != nil || going.RemoveStatus != "pending" {
		t.Errorf("removing: %+v, %v", going, err)
	}
	checkKinds(t, client.DeleteSync(t.Context(), made.ID, true), "ErrBusy")
	if err := client.DeleteSync(t.Context(), made.ID, false); err != nil {
		t.Error(err)
	}
	checkKinds(t, client.DeleteSync(t.Context(), made.ID, false), "ErrNotFound")
}

// TestASyncIsSentWhole: what is left out of options or target, the server takes away, and
// automatic would stay on.
func TestASyncIsSentWhole(t *testing.T) {
	t.Parallel()
	const path = "/api/v1/secret-syncs/bitbucket"
	server := newRecorder(t).on("PATCH "+path+"/"+syncID, ok(`{"secretSync":{"id":"`+syncID+`"}}`)).on("POST "+path, ok(`{"secretSync":{"id":"`+syncID+`"}}`))
	rest := `"connectionId":"` + connectionID + `","environment":"prod","secretPath":"/ci","isAutoSyncEnabled":false,` +
		`"syncOptions":{"initialSyncBehavior":"overwrite-destination","keySchema":"APP_{{secretKey}}","disableSecretDeletion":true},` +
		`"destinationConfig":{"workspaceSlug":"acme","repositorySlug":"app","environmentId":"{env}"}}`
	if _, err := server.client().UpdateSync(t.Context(), syncID, syncSettings()); err != nil || server.last().Body != `{"name":"app","description":"",`+rest {
		t.Errorf("%v, sent %s", err, server.last().Body)
	}
	if _, err := server.client().CreateSync(t.Context(), projectID, syncSettings()); err != nil || server.last().Body != `{"name":"app","description":"","projectId":"`+projectID+`",`+rest {
		t.Errorf("%v, sent %s", err, server.last().Body)
	}
}

// TestAWrongSyncIsNotSent: Infisical takes an empty target, and each run would fail.
func TestAWrongSyncIsNotSent(t *testing.T) {
	t.Parallel()
	for path, spoil := range map[string]func(*infisical.SyncSettings){
		"name":                             func(s *infisical.SyncSettings) { s.Name = "App" },
		"description":                      func(s *infisical.SyncSettings) { s.Description = strings.Repeat("x", 256) },
		"connectionId":                     func(s *infisical.SyncSettings) { s.ConnectionID = "ci" },
		"environment":                      func(s *infisical.SyncSettings) { s.Environment = "" },
		"secretPath":                       func(s *infisical.SyncSettings) { s.SecretPath = " " },
		"destinationConfig.workspaceSlug":  func(s *infisical.SyncSettings) { s.Workspace = "" },
		"destinationConfig.repositorySlug": func(s *infisical.SyncSettings) { s.Repository = "" },
		"syncOptions.keySchema":            func(s *infisical.SyncSettings) { s.KeySchema = "{{secretKey}}{{secretKey}}" },
		`syncOptions.keySchema: "A`:        func(s *infisical.SyncSettings) { s.KeySchema = "A.{{secretKey}}" },
	} {
		settings := syncSettings()
		spoil(&settings)
		_, err := newRecorder(t).client().CreateSync(t.Context(), projectID, settings)
		checkKinds(t, err, "ErrInvalid")
		mustContain(t, err, "invalid secret sync: "+path)
	}
}

func TestASyncAsItIsRead(t *testing.T) {
	t.Parallel()
	row := `{"id":"` + syncID + `","name":"app","projectId":"p","connectionId":"c","syncStatus":"failed","lastSyncMessage":"a\u001b[31m\nb` + strings.Repeat("x", 2000) +
		`","lastSyncedAt":"2026-05-01T12:00:00.000Z","destinationConfig":{"workspaceSlug":"acme","repositorySlug":"app"},"environment":null}`
	server := newRecorder(t).on("GET /api/v1/secret-syncs/bitbucket", ok(`{"secretSyncs":[`+row+`,{"id":"`+syncID+`","syncStatus":null}]}`))
	got, err := server.client().Syncs(t.Context(), projectID)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if s := got[0]; s.Repository != "app" || !s.Failed() || !s.Over() || !s.SyncedAt.Equal(start()) || !strings.HasPrefix(s.Message, "a [31m b") || len(s.Message) > 700 {
		t.Errorf("%+v", s)
	}
	if got[1].Status != "" || got[1].Failed() || (infisical.Sync{Status: "running"}).Over() {
		t.Errorf("%+v", got[1])
	}
	if query := server.last().Query.Get("projectId"); query != projectID {
		t.Errorf("asked for %q", query)
	}
}

func TestTheNewestScanCounts(t *testing.T) {
	t.Parallel()
	const route = http.MethodGet + " /api/v2/secret-scanning/data-sources/bitbucket/" + sourceID + "/scans"
	server := newRecorder(t).on(route,
		ok(`{"scans":[{"status":"completed","createdAt":"2026-05-01T00:00:00Z"},{"status":"failed","statusMessage":"401","createdAt":"2026-05-02T00:00:00Z"},{"status":"queued","createdAt":"x"}]}`), ok(`{"scans":[]}`))
	client := server.client()
	if scan, found, err := client.NewestScan(t.Context(), sourceID); err != nil || !found || scan.Status != "failed" || scan.Message != "401" {
		t.Errorf("%+v, %v, %v", scan, found, err)
	}
	if _, found, err := client.NewestScan(t.Context(), sourceID); err != nil || found {
		t.Errorf("without scans: %v, %v", found, err)
	}
}
