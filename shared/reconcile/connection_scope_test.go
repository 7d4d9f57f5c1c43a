package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// TestScopesAreIndependent: what fails for one organization or project is said of its
// connections, and the others are written.
func TestScopesAreIndependent(t *testing.T) {
	t.Parallel()
	const nowhere = "cccccccc-0000-4000-8000-000000000001"
	all := siminfisical.Everything()
	tests := map[string]struct {
		organization []siminfisical.Action
		projects     map[string][]siminfisical.Action
		desired      []reconcile.DesiredConnection
		failed       []string
	}{
		"an unknown project beside a good one": {
			all,
			map[string][]siminfisical.Action{simProject: all},
			[]reconcile.DesiredConnection{wanted("a", in(nowhere)), wanted("b", in(simProject))},
			[]string{"a"},
		},
		"the organization denied, its project readable": {
			nil,
			map[string][]siminfisical.Action{simProject: all},
			[]reconcile.DesiredConnection{wanted("a"), wanted("b", in(simProject))},
			[]string{"a"},
		},
		"a project denied, the organization readable": {
			all, nil,
			[]reconcile.DesiredConnection{wanted("a"), wanted("b", in(simProject))},
			[]string{"b"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSafe(t)
			state := s.infisical.Snapshot()
			state.Identities[0].Permissions, state.Identities[0].Projects = test.organization, test.projects
			if err := s.infisical.Seed(siminfisical.State{Identities: state.Identities}); err != nil {
				t.Fatal(err)
			}
			results, err := s.run(t, test.desired...)
			var failed []string
			for _, result := range results {
				if result.Error != "" && result.Outcome == reconcile.NotDone {
					failed = append(failed, result.Name)
				}
			}
			if diff := cmp.Diff(test.failed, failed); diff != "" || err == nil {
				t.Errorf("failed (-want +got):\n%s%v", diff, err)
			}
			if rows := s.infisical.Snapshot().Connections; len(rows) != 1 || slices.Contains(test.failed, rows[0].Name) {
				t.Errorf("stored %+v", rows)
			}
			if sum := (reconcile.Result{Connections: results}).Summary(); sum.Connections.Failed != 1 || sum.Connections.Created != 1 {
				t.Errorf("summary %+v", sum)
			}
		})
	}
}

// TestRowsThatAListHidesAreLookedUp before they are created.
func TestRowsThatAListHidesAreLookedUp(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t, hidden: "p1"}
	hidden := wanted("ci", in("p1"))
	server.insert(infisical.Connection{Name: "ci", ProjectID: "p1", Email: email, Description: mark + fingerprint(t, hidden)}, "token-1")
	plans, err := reconcile.PlanConnections(t.Context(), server, []reconcile.DesiredConnection{hidden, wanted("new")})
	if err != nil || plans[0].Action != reconcile.None || plans[1].Action != reconcile.Create {
		t.Errorf("%+v, %v", plans, err)
	}
	if diff := cmp.Diff([]string{"list ", "get ci"}, server.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestAServerWithoutProjectScopes is found out by its answer: the row that it made
// for the organization is deleted again, or said to be there.
func TestAServerWithoutProjectScopes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stays bool
		says  string
	}{"deleted again": {false, "created there and deleted again"}, "left behind": {true, "could not be deleted"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeInfisical{t: t, dropsProject: true, inUse: test.stays}
			_, err := ensure(t, server, wanted("ci", in("p1")))
			var wrong *reconcile.WrongScopeError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "update Infisical") {
				t.Fatalf("got %v", err)
			}
			if left := len(server.rows) == 1; left != test.stays {
				t.Errorf("rows %+v", server.rows)
			}
		})
	}
}

// TestAWriteIsComparedFieldByField: each field that was stored otherwise is named.
func TestAWriteIsComparedFieldByField(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t, otherEmail: "someone@example.com", dropsDescription: true}
	_, err := ensure(t, server, wanted("ci"))
	if err == nil || !strings.Contains(err.Error(), `description "", email "someone@example.com"`) {
		t.Errorf("got %v", err)
	}
}

// TestCredentialsThatSomebodyChanged are noticed by credentialsHash, repaired, or
// accepted.
func TestCredentialsThatSomebodyChanged(t *testing.T) {
	t.Parallel()
	accepting := func(d *reconcile.DesiredConnection) { d.Accept = true }
	for name, test := range map[string]struct {
		change func(*reconcile.DesiredConnection)
		action reconcile.Action
		token  string
	}{
		"repaired": {func(*reconcile.DesiredConnection) {}, reconcile.Rotate, "token-1"},
		"accepted": {accepting, reconcile.Update, "token-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSafe(t)
			if _, err := s.run(t, wanted("ci")); err != nil {
				t.Fatal(err)
			}
			row := s.infisical.Snapshot().Connections[0]
			row.APIToken, row.CredentialsHash = "token-2", ""
			if err := s.infisical.Seed(siminfisical.State{Connections: []siminfisical.Connection{row}}); err != nil {
				t.Fatal(err)
			}
			results, err := s.run(t, wanted("ci", test.change))
			if err != nil || results[0].Action != test.action || !strings.HasPrefix(results[0].Drift, "credentials were changed in Infisical on 20") {
				t.Errorf("%+v, %v", results, err)
			}
			if got := s.infisical.Snapshot().Connections[0].APIToken; got != test.token {
				t.Errorf("Infisical has %s, want %s", got, test.token)
			}
			if results, err = s.run(t, wanted("ci")); err != nil || results[0].Action != reconcile.None {
				t.Errorf("afterwards %+v, %v", results, err)
			}
		})
	}
}

// TestARewriteWithoutAnAnswerIsProved by the new hash, and not repeated.
func TestARewriteWithoutAnAnswerIsProved(t *testing.T) {
	t.Parallel()
	s := newSafe(t)
	if _, err := s.run(t, wanted("ci")); err != nil {
		t.Fatal(err)
	}
	s.infisical.Faults().Add(fault.Path("PATCH", ""), fault.Nth(1), fault.ResetAfter())
	s.calls()
	results, err := s.run(t, wanted("ci", rewriting))
	if err != nil || results[0].Action != reconcile.Rotate {
		t.Errorf("%+v, %v", results, err)
	}
}

// TestAnotherOwnersConnection is neither rotated nor deleted without a yes. An app's
// manifest and its stack are one owner.
func TestAnotherOwnersConnection(t *testing.T) {
	t.Parallel()
	owned := func(owner string) func(*reconcile.DesiredConnection) {
		return func(d *reconcile.DesiredConnection) { d.Owner = owner }
	}
	s := newSafe(t)
	if _, err := s.run(t, wanted("ci", owned(reconcile.StackOwner("app-a")))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.run(t, wanted("ci", owned("app-b"), token("token-2"))); !is[*reconcile.UnmanagedError](err) || !strings.Contains(err.Error(), `"stack/app-a" owns it`) {
		t.Errorf("rotated by another: %v", err)
	}
	if _, _, err := reconcile.DeleteConnection(t.Context(), s.client(), reconcile.DeleteRequest{Name: "ci", Owner: "app-b"}); !is[*reconcile.UnmanagedError](err) {
		t.Errorf("deleted by another: %v", err)
	}
	results, err := s.run(t, wanted("ci", owned("app-a"), token("token-2")))
	if err != nil || results[0].Action != reconcile.Rotate {
		t.Errorf("rotated by its manifest: %+v, %v", results, err)
	}
	if owner, _ := reconcile.ConnectionOwner(*s.infisical.Snapshot().Connections[0].Description); owner != "stack/app-a" {
		t.Errorf("the owner is now %s", owner)
	}
	if _, err := s.run(t, wanted("ci", owned("app-b"), adopting)); err != nil {
		t.Errorf("adopted: %v", err)
	}
	if owner, _ := reconcile.ConnectionOwner(*s.infisical.Snapshot().Connections[0].Description); owner != "app-b" {
		t.Errorf("the owner is now %s", owner)
	}
	long := owned(strings.Repeat("a", 120))
	if _, err := s.run(t, wanted("long", long)); err != nil {
		t.Error(err)
	}
	if results, err := s.run(t, wanted("long", long)); err != nil || results[0].Action != reconcile.None {
		t.Errorf("a long owner: %+v, %v", results, err)
	}
}
