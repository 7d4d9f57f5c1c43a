package cli_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
)

// askSyncs is what is asked about the syncs of the organization's connections.
var askSyncs = []string{"GET projects?type=secret-manager", "GET secret-syncs/bitbucket?projectId=" + safeProject, "GET projects?type=secret-scanning"}

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
	if got := w.run("ensure"); got.code != 0 || got.stderr != "ci: used by at least 1 sync, data sources: 0\n  run sync app to acme/app\n" || w.infisical.Snapshot().Syncs[0].Status != "succeeded" {
		t.Errorf("ensure: %+v, and the sync is %+v", got, w.infisical.Snapshot().Syncs[0])
	}
	state := w.infisical.Snapshot()
	for i := range state.Identities {
		state.Identities[i].Projects[safeProject] = []siminfisical.Action{siminfisical.SyncRead}
	}
	w.must(w.infisical.Seed(siminfisical.State{Identities: state.Identities}))
	if got := w.run("rotate", "ci"); got.code != 1 || !strings.Contains(got.stderr, `connection ci: sync "app" to acme/app: run secret sync`) || !strings.Contains(got.stderr, "not allowed to sync-secrets") {
		t.Errorf("rotate without the permission: %+v", got)
	}
	if got := w.run("rotate", "ci", "--json"); got.code != 1 || !strings.Contains(got.stdout, `"errors":[{"what":"connection ci","message":"sync \"app\" to acme/app: run secret sync`) || !strings.Contains(got.stdout, "1 connection rotated; 1 failed") {
		t.Errorf("the same for a script: %+v", got)
	}
}

// TestPrune deletes what the manifest no longer names, and leaves what is in use, another
// owner's, and whatever is in a project that the manifest has nothing in.
func TestPrune(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	row := func(name string) string {
		return "  - {name: " + name + ", email: " + safeEmail + ", token: env:TOKEN}\n"
	}
	inProject := strings.Replace(row("elsewhere"), "{", "{project_id: "+safeProject+", ", 1)
	w.manifest(row("ci") + row("gone") + inProject)
	w.run("ensure")
	w.use()
	state := w.infisical.Snapshot()
	for i, c := range state.Connections {
		if c.Name == "gone" {
			theirs := c
			text := "managed by linkersync · fp 0123456789ab · owner stack/example-linker-app"
			theirs.ID, theirs.Name, theirs.Description = "cccccccc-0000-4000-8000-000000000009", "theirs", &text
			state.Connections = append(state.Connections, theirs)
		}
		if state.Connections[i].Name == "ci" {
			state.Syncs[0].ConnectionID = c.ID
		}
	}
	w.must(w.infisical.Seed(state))
	w.manifest(row("new") + "prune_connections: true\n")
	if got := w.run("list", "--orphans", "-f", w.file()); !strings.Contains(got.stdout, "elsewhere") || strings.Contains(got.stdout, "theirs") || strings.Count(got.stdout, "\n") != 4 {
		t.Errorf("orphans: %+v", got)
	}
	got := w.run("ensure", "--dry-run")
	for _, want := range []string{"- connection  gone  delete", `! not in the manifest, and used by the sync "app" of project`, "1 connection to create, 1 connection to delete"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%s\nlacks %q", got.stdout, want)
		}
	}
	if got := w.run("ensure", "--name", "new"); strings.Contains(got.stdout, "gone") {
		t.Errorf("a part of the manifest prunes: %+v", got)
	}
	if got := w.run("ensure"); got.code != 0 || len(w.infisical.Snapshot().Connections) != 4 || w.tokens()["gone"] != "" {
		t.Errorf("ensure: %+v, left %v", got, w.tokens())
	}
	var many strings.Builder
	for i := range 12 {
		many.WriteString(row(fmt.Sprintf("many-%d", i)))
	}
	w.manifest(many.String())
	w.run("ensure")
	w.manifest(row("new") + "prune_connections: true\n")
	if got := w.run("ensure"); got.code != 1 || !strings.Contains(got.stderr, "prune connections: it would delete 13 of 14, more than half") || !strings.Contains(got.stderr, "--allow-prune") {
		t.Errorf("a large prune: %+v", got)
	}
	if got := w.run("ensure", "--allow-prune"); got.code != 0 || len(w.infisical.Snapshot().Connections) != 4 {
		t.Errorf("with a yes: %+v", got)
	}
}

// TestExport writes a manifest that plans to no change, with the tokens where it says.
func TestExport(t *testing.T) {
	t.Parallel()
	w := newSafeWorld(t)
	w.manifest("  - {name: ci, description: Team A, email: " + safeEmail + ", token: env:TOKEN}\n  - {name: two, project_id: " + safeProject + ", email: " + safeEmail + ", token: env:TOKEN}\n")
	w.run("ensure")
	got := w.run("export", "--app-key", "example-linker-app")
	if got.code != 0 || !strings.Contains(got.stdout, "token: \"env:BITBUCKET_CI_TOKEN\"") {
		t.Fatalf("%+v", got)
	}
	w.must(os.WriteFile(w.file(), []byte(got.stdout), 0o600))
	w.env["BITBUCKET_CI_TOKEN"], w.env["BITBUCKET_TWO_TOKEN"] = safeToken, safeToken
	if got := w.run("ensure", "--dry-run"); got.code != 0 || !strings.Contains(got.stdout, "Plan: nothing to change.") {
		t.Errorf("%+v", got)
	}
	w.theirs("by-hand", false)
	if got := w.run("export"); !strings.Contains(got.stdout, "adopt: true") {
		t.Errorf("one of somebody else's: %+v", got)
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
