package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
)

const simProject = "bbbbbbbb-0000-4000-8000-000000000001"

// safe is a simulated Infisical that asks a simulated Bitbucket about tokens.
type safe struct {
	infisical    *siminfisical.Server
	bitbucketURL string
	url          string
	// later is how far the server's clock is ahead, in nanoseconds.
	later atomic.Int64
}

// sleep moves the server's clock on.
func (s *safe) sleep(ctx context.Context, d time.Duration) error {
	s.later.Add(int64(d))
	return ctx.Err()
}

func newSafe(t *testing.T) *safe {
	t.Helper()
	accounts := simbitbucket.New(simbitbucket.Options{})
	s := &safe{}
	var err error
	if s.bitbucketURL, err = accounts.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = accounts.Close() })
	scopes := []string{"read:user:bitbucket"}
	err = accounts.Seed(simbitbucket.State{Users: []simbitbucket.User{{Email: email, Tokens: []simbitbucket.Token{
		{Value: "token-1", Scopes: scopes}, {Value: "token-2", Scopes: scopes}, {Value: "narrow", Scopes: []string{"read:repository:bitbucket"}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	s.infisical = siminfisical.New(siminfisical.Options{
		BitbucketURL: s.bitbucketURL, Sleep: now, Now: func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) },
	})
	if s.url, err = s.infisical.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.infisical.Close() })
	err = s.infisical.Seed(siminfisical.State{
		Organizations: []siminfisical.Organization{{ID: "org", Slug: "acme"}},
		Projects:      []siminfisical.Project{{ID: simProject, OrgID: "org", Name: "Project", Slug: "project", Type: "secret-manager"}},
		Identities: []siminfisical.Identity{{
			ID: "aaaaaaaa-0000-4000-8000-000000000001", OrgID: "org", TokenTTL: time.Hour,
			Permissions: siminfisical.Everything(), Projects: map[string][]siminfisical.Action{simProject: siminfisical.Everything()},
			Universal: &siminfisical.UniversalAuth{ClientID: "robot", Secrets: []siminfisical.ClientSecret{{Value: "robot secret"}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func now(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (s *safe) client() *infisical.Client {
	return &infisical.Client{
		BaseURL: s.url, Sleep: now,
		Login: infisical.UniversalAuth{ClientID: "robot", ClientSecret: redact.New("robot secret")},
	}
}

// run is one command: plan, apply, revoke. It returns the calls that it took.
func (s *safe) run(t *testing.T, desired ...reconcile.DesiredConnection) ([]reconcile.ConnectionResult, error) {
	t.Helper()
	client := s.client()
	plans, err := reconcile.PlanConnections(t.Context(), client, desired)
	if err != nil {
		t.Fatal(err)
	}
	results, applyErr := reconcile.ApplyConnections(t.Context(), client, plans, reconcile.ConnectionOptions{})
	if err := client.Revoke(t.Context()); err != nil {
		t.Error(err)
	}
	return results, applyErr
}

func (s *safe) calls() (calls []string) {
	for _, call := range s.infisical.Faults().Calls() {
		calls = append(calls, call.Method+" "+call.Path)
	}
	s.infisical.Faults().ResetCalls()
	return calls
}

const (
	simLogin  = "POST /api/v1/auth/universal-auth/login"
	simList   = "GET /api/v1/app-connections/bitbucket"
	simCreate = "POST /api/v1/app-connections/bitbucket"
	simRevoke = "POST /api/v1/auth/token/revoke"
)

// TestConnectionsOverHTTP goes through a connection's life, and counts.
func TestConnectionsOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSafe(t)
	steps := []struct {
		name    string
		desired []reconcile.DesiredConnection
		want    []string
	}{
		{"create", []reconcile.DesiredConnection{wanted("ci", in(simProject), says("Team A")), wanted("ci")}, []string{simLogin, simList, simList + "/connection-name/ci", simCreate, "PATCH", simCreate, "PATCH", simRevoke}},
		{"nothing to do", []reconcile.DesiredConnection{wanted("ci", in(simProject), says("Team A"))}, []string{simLogin, simList, simRevoke}},
		{"rotate", []reconcile.DesiredConnection{wanted("ci", in(simProject), says("Team A"), token("token-2"))}, []string{simLogin, simList, "PATCH", "PATCH", simRevoke}},
		{"rotate again", []reconcile.DesiredConnection{wanted("ci", in(simProject), token("token-2"))}, []string{simLogin, simList, simRevoke}},
		{"update", []reconcile.DesiredConnection{wanted("ci", in(simProject), says("Team B"), token("token-2"))}, []string{simLogin, simList, "PATCH", simRevoke}},
	}
	for _, step := range steps {
		if _, err := s.run(t, step.desired...); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		calls := s.calls()
		for i, call := range calls {
			if call[:5] == "PATCH" {
				calls[i] = "PATCH"
			}
		}
		slices.Sort(step.want) // scopes are side by side
		slices.Sort(calls)
		if diff := cmp.Diff(step.want, calls); diff != "" {
			t.Errorf("%s: calls (-want +got):\n%s", step.name, diff)
		}
	}
	for _, row := range s.infisical.Snapshot().Connections {
		want := "token-1"
		if row.ProjectID == simProject {
			want = "token-2"
		}
		if row.APIToken != want {
			t.Errorf("the connection of project %q has %s, want %s", row.ProjectID, row.APIToken, want)
		}
	}
	client := s.client()
	if _, found, err := reconcile.DeleteConnection(t.Context(), client, reconcile.DeleteRequest{Name: "ci", ProjectID: simProject}); err != nil || !found {
		t.Errorf("delete: %v, %v", found, err)
	}
	if _, found, err := reconcile.DeleteConnection(t.Context(), client, reconcile.DeleteRequest{Name: "ci", ProjectID: simProject}); err != nil || found {
		t.Errorf("delete again: %v, %v", found, err)
	}
}

// TestTheTokenCheckSaysWhatIsWrong where Infisical would only say 400.
func TestTheTokenCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newSafe(t)
	client := s.client()
	plans, err := reconcile.PlanConnections(t.Context(), client, []reconcile.DesiredConnection{wanted("ci", token("narrow"))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = reconcile.ApplyConnections(t.Context(), client, plans, reconcile.ConnectionOptions{
		CheckToken: func(ctx context.Context, email string, token redact.Secret) error {
			return bitbucket.Account{HTTP: http.DefaultClient, BaseURL: s.bitbucketURL, Email: email, Token: token}.CheckToken(ctx)
		},
	})
	if !errors.Is(err, bitbucket.ErrMissingScope) {
		t.Errorf("got %v", err)
	}
	if n := s.infisical.Faults().Count(fault.Path(http.MethodPost, "/bitbucket$")); n != 0 {
		t.Errorf("Infisical was asked %d times", n)
	}
}

// TestRacersOverHTTP: several runs at once create the same connection, and an
// answer is lost now and then. There is one in the end, with the right token.
func TestRacersOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSafe(t)
	s.infisical.Faults().Add(fault.Path(http.MethodPost, "/bitbucket$"), fault.Nth(2), fault.ResetAfter())
	var racers sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		racers.Go(func() { _, errs[i] = s.run(t, wanted("ci", in(simProject))) })
	}
	racers.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("racer %d: %v", i, err)
		}
	}
	rows := s.infisical.Snapshot().Connections
	if len(rows) != 1 || rows[0].APIToken != "token-1" || !strings.HasPrefix(*rows[0].Description, mark+fingerprint(t, wanted("ci", in(simProject)))) {
		t.Errorf("connections: %s", fmt.Sprint(rows))
	}
}
