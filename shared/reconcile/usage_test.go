package reconcile_test

import (
	"context"
	"strings"
	"testing"
	"time"

	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

const scanProject = "bbbbbbbb-0000-4000-8000-000000000002"

// withUsers puts a sync and a data source onto a connection of the organization, and
// returns it.
func (s *safe) withUsers(t *testing.T, token string, projects map[string][]siminfisical.Action) infisical.Connection {
	t.Helper()
	const id = "cccccccc-0000-4000-8000-000000000001"
	state := s.infisical.Snapshot()
	state.Identities[0].Projects = projects
	err := s.infisical.Seed(siminfisical.State{
		Projects:    []siminfisical.Project{{ID: scanProject, OrgID: "org", Name: "Scans", Type: "secret-scanning"}},
		Identities:  state.Identities,
		Connections: []siminfisical.Connection{{ID: id, Name: "ci", OrgID: "org", Email: email, APIToken: token}},
		Syncs: []siminfisical.Sync{{
			ID: "dddddddd-0000-4000-8000-000000000001", Name: "app", ProjectID: simProject, ConnectionID: id, Environment: "prod", SecretPath: "/",
			Destination: siminfisical.Destination{Workspace: "acme", Repository: "app"},
		}},
		DataSources: []siminfisical.DataSource{{Name: "all", ProjectID: scanProject, ConnectionID: id}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return infisical.Connection{ID: id, Name: "ci"}
}

// TestUsageSaysWhatItCannotRead: a list that is denied is unknown, and never empty.
func TestUsageSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	all := siminfisical.Everything()
	tests := map[string]struct {
		projects       map[string][]siminfisical.Action
		project        string
		syncs, sources int
		unknown        []string
		count          string
	}{
		"everything readable":        {map[string][]siminfisical.Action{simProject: all, scanProject: all}, "", 1, 1, []string{"not in"}, "at least 1 sync"},
		"no permission in a project": {map[string][]siminfisical.Action{simProject: {siminfisical.Read}, scanProject: all}, "", 0, 1, []string{"not in", "not allowed to read on secret-syncs"}, "at least 0 syncs"},
		"only its own project":       {map[string][]siminfisical.Action{simProject: all}, simProject, 1, 0, nil, "1 sync"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSafe(t)
			connection := s.withUsers(t, "token-1", test.projects)
			connection.ProjectID = test.project
			usage := (&reconcile.Survey{API: s.client()}).All(t.Context(), connection)
			if len(usage.Syncs) != test.syncs || len(usage.Sources) != test.sources || usage.Count() != test.count || len(usage.Unknown) != len(test.unknown) {
				t.Fatalf("%+v", usage)
			}
			for i, want := range test.unknown {
				if !strings.Contains(usage.Unknown[i], want) {
					t.Errorf("unknown %q lacks %q", usage.Unknown[i], want)
				}
			}
		})
	}
}

// TestRunSyncsWaitsForEachRun, for a bounded time, and tells how each ended.
func TestRunSyncsWaitsForEachRun(t *testing.T) {
	t.Parallel()
	all := map[string][]siminfisical.Action{simProject: siminfisical.Everything()}
	tests := map[string]struct {
		token           string
		takes           time.Duration
		actions         map[string][]siminfisical.Action
		pending, failed int
		says            string
	}{
		"it succeeds":           {"token-1", 0, all, 0, 0, ""},
		"the token is dead":     {"dead", 0, all, 0, 1, `sync "app" to acme/app failed (it never succeeded): {"error":`},
		"it takes hours":        {"token-1", time.Hour, all, 1, 0, ""},
		"it may not be started": {"token-1", 0, map[string][]siminfisical.Action{simProject: {siminfisical.SyncRead}}, 0, 1, "not allowed to sync-secrets"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSafe(t)
			connection := s.withUsers(t, test.token, test.actions)
			s.infisical.SetRunTime(test.takes)
			client := s.client()
			usage := (&reconcile.Survey{API: client}).Syncs(t.Context(), connection)
			var slept time.Duration
			sleep := func(_ context.Context, d time.Duration) error { slept += d; return nil }
			pending, failed := reconcile.RunSyncs(t.Context(), client, usage.Syncs, sleep, nil)
			if len(usage.Syncs) != 1 || len(pending) != test.pending || len(failed) != test.failed || slept > 3*time.Minute {
				t.Fatalf("pending %+v, failed %+v after %s", pending, failed, slept)
			}
			if test.failed > 0 && !strings.Contains(failed[0].Error(), test.says) {
				t.Errorf("%v lacks %q", failed[0], test.says)
			}
		})
	}
}
