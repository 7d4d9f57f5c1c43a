package cli_test

import (
	"strings"
	"testing"

	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
)

// askSyncs is what is asked about the syncs of the organization's connections.
var askSyncs = []string{"GET projects?type=secret-manager", "GET secret-syncs/bitbucket?projectId=" + safeProject}

// use puts a sync onto the connection of the manifest.
func (w *safeWorld) use() {
	w.t.Helper()
	w.must(w.infisical.Seed(siminfisical.State{Syncs: []siminfisical.Sync{{
		ID: "dddddddd-0000-4000-8000-000000000001", Name: "app", ProjectID: safeProject, Environment: "prod", SecretPath: "/",
		ConnectionID: w.infisical.Snapshot().Connections[0].ID, Status: "failed", Message: "the token\x1b[31m ended",
		Destination: siminfisical.Destination{Workspace: "acme", Repository: "app"},
	}}}))
}

// TestWhatUsesAConnection is shown, named when it is in the way of a delete, and run
// after a rotation, whose failure is the command's.
func TestWhatUsesAConnection(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	w.run("ensure")
	w.use()
	if got := w.run("show", "ci"); !strings.Contains(got.stdout, "used by      at least 1 sync, data sources: 0\n  sync app to acme/app: failed (the token") || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("show: %q", got.stdout)
	}
	if got := w.run("delete", "ci", "--yes"); got.code != 1 || !strings.Contains(got.stderr, `the sync "app" of project `+safeProject) {
		t.Errorf("delete: %+v", got)
	}
	w.env["TOKEN"] = otherToken
	if got := w.run("ensure"); got.code != 0 || got.stderr != "ci: at least 1 sync to run\n" || w.infisical.Snapshot().Syncs[0].Status != "succeeded" {
		t.Errorf("ensure: %+v, and the sync is %+v", got, w.infisical.Snapshot().Syncs[0])
	}
	state := w.infisical.Snapshot()
	for i := range state.Identities {
		state.Identities[i].Projects[safeProject] = []siminfisical.Action{siminfisical.SyncRead}
	}
	w.must(w.infisical.Seed(siminfisical.State{Identities: state.Identities}))
	if got := w.run("rotate", "ci"); got.code != 1 || !strings.Contains(got.stderr, `ci: sync "app" to acme/app: run secret sync`) || !strings.Contains(got.stderr, "not allowed to sync-secrets") {
		t.Errorf("rotate without the permission: %+v", got)
	}
	if got := w.run("rotate", "ci", "--json"); got.code != 1 || !strings.Contains(got.stdout, `"errors":[{"what":"connection ci","message":"sync \"app\" to acme/app: run secret sync`) || !strings.Contains(got.stdout, "1 connection rotated; 1 failed") {
		t.Errorf("the same for a script: %+v", got)
	}
}

// TestCredentialsThatWereChanged are said by a dry run, and accepted with --adopt.
func TestCredentialsThatWereChanged(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	w.run("ensure")
	row := w.infisical.Snapshot().Connections[0]
	row.APIToken, row.CredentialsHash = otherToken, ""
	w.must(w.infisical.Seed(siminfisical.State{Connections: []siminfisical.Connection{row}}))
	if got := w.run("ensure", "--dry-run"); !strings.Contains(got.stdout, "rotate (token)\n      ! credentials were changed in Infisical on 20") {
		t.Errorf("dry run: %+v", got)
	}
	if got := w.run("ensure", "--adopt"); got.code != 0 || w.tokens()["ci"] != otherToken {
		t.Errorf("adopt: %+v", got)
	}
	if got := w.run("ensure"); !strings.Contains(got.stdout, "no change") || w.tokens()["ci"] != otherToken {
		t.Errorf("afterwards: %+v", got)
	}
}
