package infisical_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

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
		"a run under way":          {"POST" + base + "/" + syncID + "/sync-secrets", run, refuse(400, "BadRequest", `"A job for this sync is already in progress. Please try again shortly."`), []string{"ErrBusy"}},
		"the folder is gone":       {"POST" + base + "/" + syncID + "/sync-secrets", run, refuse(400, "BadRequest", `"Invalid source configuration: folder no longer exists. Please update source environment and secret path."`), []string{"ErrInvalid"}},
		"no permission to run":     {"POST" + base + "/" + syncID + "/sync-secrets", run, refuse(403, "PermissionDenied", `"You are not allowed to sync-secrets on secret-syncs"`), []string{"ErrPermission"}},
		"no such sync":             {"GET" + base + "/" + syncID, get, refuse(404, "NotFound", `"Could not find Bitbucket Sync with ID \"project\""`), []string{"ErrNotFound"}},
		"a project of scans":       {"GET" + base, listSyncs, refuse(400, "BadRequest", `"The project is of type secret-scanning. Operations of type secret-manager are not allowed."`), []string{"ErrProjectType"}},
		"no such project":          {"GET" + base, listSyncs, refuse(404, "NotFound", `"Project with ID 'x' not found"`), []string{"ErrUnknownProject"}},
		"no permission to read":    {"GET" + base, listSyncs, refuse(403, "PermissionDenied", `"You are not allowed to read on secret-syncs"`), []string{"ErrPermission"}},
		"an older server":          {"GET" + base, listSyncs, refuse(404, "Not Found", `"Route GET:/api/v1/secret-syncs/bitbucket not found"`), []string{"ErrUnsupported"}},
		"a list without rows":      {"GET" + base, listSyncs, ok(`{}`), []string{"ErrUnexpectedAnswer"}},
		"a plan without scans":     {v2, sources, refuse(400, "BadRequest", `"Failed to access Secret Scanning Data Sources due to plan restriction. Upgrade plan."`), []string{"ErrPlan"}},
		"no such data source":      {v2 + "/" + sourceID + "/scans", scans, refuse(404, "NotFound", `"Could not find Bitbucket Data Source with ID \"x\""`), []string{"ErrNotFound"}},
		"no permission for scans":  {v2 + "/" + sourceID + "/scans", scans, refuse(403, "PermissionDenied", `"You are not allowed to read-data-source-scans on secret-scanning-data-sources"`), []string{"ErrPermission"}},
		"projects of an old route": {"GET /api/v1/projects", projects, refuse(404, "Not Found", `"Route GET:/api/v1/projects not found"`), []string{"ErrUnsupported"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(test.route, test.reply)
			checkKinds(t, test.do(t.Context(), server.client()), test.kinds...)
		})
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
