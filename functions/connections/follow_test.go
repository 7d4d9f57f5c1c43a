package main

import (
	"strings"
	"testing"

	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
)

// What is asked about the users of connections, of the organization and of a project.
var (
	callSyncs = []string{"GET projects?type=secret-manager", "GET secret-syncs/bitbucket?projectId=" + project}
	callUsers = append(callSyncs, "GET projects?type=secret-scanning", "GET /api/v2/secret-scanning/data-sources/bitbucket?projectId="+project)
)

const scanProject = "bbbbbbbb-0000-4000-8000-000000000002"

// useIt puts two syncs and a data source onto the connection.
func (w *world) useIt() {
	w.t.Helper()
	id := w.infisical.Snapshot().Connections[0].ID
	sync := func(name string) siminfisical.Sync {
		return siminfisical.Sync{
			ID: "dddddddd-0000-4000-8000-00000000000" + name, Name: "sync-" + name, ProjectID: project, ConnectionID: id, Environment: "prod", SecretPath: "/",
			Status: "failed", Message: "the token\x1b[31m ended", Destination: siminfisical.Destination{Workspace: "acme", Repository: "app-" + name},
		}
	}
	state := w.infisical.Snapshot()
	state.Identities[0].Projects[scanProject] = siminfisical.Everything()
	w.must(w.infisical.Seed(siminfisical.State{
		Projects:   []siminfisical.Project{{ID: scanProject, OrgID: "org", Name: "Scans", Type: "secret-scanning"}},
		Identities: state.Identities, Syncs: []siminfisical.Sync{sync("1"), sync("2")},
		DataSources: []siminfisical.DataSource{{
			ID: "eeeeeeee-0000-4000-8000-000000000001", Name: "all", ProjectID: scanProject, ConnectionID: id,
			Scans: []siminfisical.Scan{{ID: "1", Status: "completed", CreatedAt: today.AddDate(0, 0, -2)}, {ID: "2", Status: "failed", Message: "401", CreatedAt: today}},
		}},
	}))
}

// TestARotationRunsTheSyncs that failed with the old token, and only the rotation does.
func TestARotationRunsTheSyncs(t *testing.T) {
	t.Parallel()
	w, h, _ := rotatedWorld(t)
	w.useIt()
	if _, err := w.deliver(h); err != nil {
		t.Fatal(err)
	}
	for _, sync := range w.infisical.Snapshot().Syncs {
		if sync.Status != "succeeded" {
			t.Errorf("%s is %s: %s", sync.Name, sync.Status, sync.Message)
		}
	}
	runs := 0
	for range 2 {
		for _, call := range w.calls("infisical") {
			if strings.HasSuffix(call, "/sync-secrets") {
				runs++
			}
		}
		if _, err := w.deliver(h); err != nil {
			t.Fatal(err)
		}
	}
	if runs != 2 {
		t.Errorf("%d runs, want 2", runs)
	}
}

// TestTheDailyCheckTellsWhatFails with a connection that is as it should be.
func TestTheDailyCheckTellsWhatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	h, out := w.start()
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil {
		t.Fatal(err)
	}
	w.useIt()
	_, err := h.Handle(t.Context(), event(t, "scheduled"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`connection "ci": sync "sync-1" to acme/app-1 failed (it never succeeded): the token [31m ended`,
		`connection "ci": sync "sync-2" to acme/app-2 failed`, `connection "ci": the newest scan of data source "all" failed: 401`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	lines := out.lines(t, "connection in use")
	if last := lines[len(lines)-1]; last["syncs"] != "at least 2 syncs" || last["data_sources"] != 1.0 {
		t.Errorf("logged %v", last)
	}
}
