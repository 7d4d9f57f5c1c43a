package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
)

func ensure(t *testing.T, server *fakeInfisical, desired ...reconcile.DesiredConnection) ([]reconcile.ConnectionResult, error) {
	t.Helper()
	plans, err := reconcile.PlanConnections(t.Context(), server, desired)
	if err != nil {
		t.Fatal(err)
	}
	return reconcile.ApplyConnections(t.Context(), server, plans, reconcile.ConnectionOptions{})
}

// TestEnsureTwice: whatever the first run has to do, it takes one write, it ends
// in the desired state, and the second run makes none.
func TestEnsureTwice(t *testing.T) {
	t.Parallel()
	fp := fingerprint(t, wanted("ci"))
	tests := map[string]struct {
		there       string // the description; "" for no connection
		desired     reconcile.DesiredConnection
		writes      []string
		description string
		token       string
	}{
		"create":            {"", wanted("ci"), []string{"create ci"}, mark + fp, "token-1"},
		"create with text":  {"", wanted("ci", says("Team A")), []string{"create ci"}, "Team A · " + mark + fp, "token-1"},
		"none":              {mark + fp, wanted("ci"), nil, mark + fp, "stored"},
		"update":            {"x · " + mark + fp, wanted("ci", says("y")), []string{"update 1"}, "y · " + mark + fp, "stored"},
		"update untokened":  {"x · " + mark + fp, wanted("ci", says("y"), token("")), []string{"update 1"}, "y · " + mark + fp, "stored"},
		"rotate":            {"x · " + mark + "000000000000", wanted("ci", says("x")), []string{"update 1"}, "x · " + mark + fp, "token-1"},
		"rotate keeps text": {"by Ada · " + mark + "000000000000 · call first", wanted("ci"), []string{"update 1"}, "by Ada call first · " + mark + fp, "token-1"},
		"adopt":             {"by hand", wanted("ci", adopting), []string{"update 1"}, "by hand · " + mark + fp, "token-1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeInfisical{t: t}
			if test.there != "" {
				server.insert(infisical.Connection{Name: "ci", Email: email, Description: test.there}, "stored")
			}
			results, err := ensure(t, server, test.desired)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]string{"list "}, test.writes...), server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			row := server.rows[0]
			if row.Description != test.description || row.token != test.token || row.ID != results[0].ID {
				t.Errorf("stored %q with %q as %s; want %q with %q as %s", row.Description, row.token, row.ID, test.description, test.token, results[0].ID)
			}
			if results[0].Changed() != (test.writes != nil) {
				t.Errorf("result %+v", results[0])
			}
			server.calls = nil
			again, err := ensure(t, server, test.desired)
			if err != nil || again[0].Changed() {
				t.Errorf("the second run gives %+v, %v", again, err)
			}
			if diff := cmp.Diff([]string{"list "}, server.calls); diff != "" {
				t.Errorf("calls of the second run (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRewriteWritesEveryTime, though the fingerprint says that all is well.
func TestRewriteWritesEveryTime(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t}
	server.insert(infisical.Connection{Name: "ci", Email: email, Description: mark + fingerprint(t, wanted("ci"))}, "changed by hand")
	for range 2 {
		results, err := ensure(t, server, wanted("ci", rewriting))
		if err != nil || results[0].Action != reconcile.Rotate || !results[0].Changed() {
			t.Errorf("got %+v, %v", results, err)
		}
	}
	if diff := cmp.Diff([]string{"list ", "update 1", "list ", "update 1"}, server.calls); diff != "" || server.rows[0].token != "token-1" {
		t.Errorf("stored %s, calls (-want +got):\n%s", server.rows[0].token, diff)
	}
}

// TestEnsureTwiceWhateverTheText: a description that comes back in another form
// would be written again on every run.
func TestEnsureTwiceWhateverTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"plain", " · dotted · ", "two\nlines\r\n", "\u00a0\ufeffodd spaces\u2003", "fp 0123456789ab", "managed by linkersync",
		"managed by linkersync · fp 0123456789a", "😀 \u202e x", "a · b", "···", "ends with fp",
	} {
		server := &fakeInfisical{t: t}
		for range 2 {
			if _, err := ensure(t, server, wanted("ci", says(text))); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		if diff := cmp.Diff([]string{"list ", "create ci", "list "}, server.calls); diff != "" {
			t.Errorf("%q: calls (-want +got):\n%s", text, diff)
		}
	}
}

func TestManyConnectionsTakeOneListAndAWriteEach(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t}
	var desired []reconcile.DesiredConnection
	var looks, creates []string
	for i := range 20 {
		desired = append(desired, wanted(fmt.Sprintf("ci-%d", i), in([]string{"", "p1", "p2"}[i%3])))
		creates = append(creates, "create "+desired[i].Name)
		if i%3 > 0 { // The organisation's list may hide a project's rows.
			looks = append(looks, "get "+desired[i].Name)
		}
	}
	want := slices.Concat([]string{"list "}, looks, creates)
	if _, err := ensure(t, server, desired...); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want) // scopes are side by side
	slices.Sort(server.calls)
	if diff := cmp.Diff(want, server.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestEnsureChecksTheTokenBeforeTheWrite(t *testing.T) {
	t.Parallel()
	fp := fingerprint(t, wanted("b"))
	server := &fakeInfisical{t: t}
	server.insert(infisical.Connection{Name: "b", Email: email, Description: "x · " + mark + fp}, "token-1")
	server.insert(infisical.Connection{Name: "c", Email: email, Description: mark + fingerprint(t, wanted("c"))}, "token-1")
	plans, err := reconcile.PlanConnections(t.Context(), server, []reconcile.DesiredConnection{wanted("a"), wanted("b", says("y")), wanted("c"), wanted("d", token("good"))})
	if err != nil {
		t.Fatal(err)
	}
	errScope := errors.New("the token lacks read:user:bitbucket")
	var asked []string
	results, err := reconcile.ApplyConnections(t.Context(), server, plans, reconcile.ConnectionOptions{
		CheckToken: func(_ context.Context, email string, token redact.Secret) error {
			asked = append(asked, email+" "+token.Reveal())
			if token.Reveal() == "good" {
				return nil
			}
			return errScope
		},
	})
	if !errors.Is(err, errScope) || results[0].Error == "" {
		t.Errorf("got %v and %+v", err, results[0])
	}
	if diff := cmp.Diff([]string{email + " token-1", email + " good"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"list ", "update 1", "create d"}, server.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestOneFailureAmongMany: the others are tried, unless it is everybody's.
func TestOneFailureAmongMany(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err   error
		calls []string
	}{
		"bad credentials": {infisical.ErrBadCredentials, []string{"list ", "create a", "get a", "create b", "create c"}},
		"no permission":   {&infisical.APIError{Status: 403}, []string{"list ", "create a", "create b", "create c"}},
		"rate limit":      {infisical.ErrRateLimited, []string{"list ", "create a", "get a"}},
		"login refused":   {infisical.ErrLoginRefused, []string{"list ", "create a", "get a"}},
		"token ended":     {infisical.ErrTokenExpired, []string{"list ", "create a", "get a"}},
		"token refused":   {infisical.ErrUnauthorized, []string{"list ", "create a", "get a"}},
		"wrong server":    {infisical.ErrUnsupported, []string{"list ", "create a", "get a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &fakeInfisical{t: t, fault: failing(2, broken{test.err, false})}
			results, err := ensure(t, server, wanted("a"), wanted("b"), wanted("c"))
			if !errors.Is(err, test.err) {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(test.calls, server.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			untried := !slices.Contains(test.calls, "create b")
			for i, result := range results {
				if failed := result.Error != ""; failed != (i == 0 || untried) || result.Name != string("abc"[i]) {
					t.Errorf("result %d is %+v", i, result)
				}
				if i > 0 && untried && result.Error != "not tried, because of the failure before it" {
					t.Errorf("result %d says %s", i, result.Error)
				}
			}
		})
	}
}

func TestEnsureStopsWithItsContext(t *testing.T) {
	t.Parallel()
	server := &fakeInfisical{t: t}
	plans, err := reconcile.PlanConnections(t.Context(), server, []reconcile.DesiredConnection{wanted("a"), wanted("b")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, err := reconcile.ApplyConnections(ctx, server, plans, reconcile.ConnectionOptions{})
	if !errors.Is(err, context.Canceled) || len(results) != 2 || results[1].Error == "" {
		t.Errorf("got %v and %+v", err, results)
	}
	if diff := cmp.Diff([]string{"list ", "create a"}, server.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestEnsureRefuses(t *testing.T) {
	t.Parallel()
	t.Run("what it did not make", func(t *testing.T) {
		t.Parallel()
		server := &fakeInfisical{t: t}
		server.insert(infisical.Connection{Name: "ci", Email: email, Description: "by hand"}, "old")
		_, err := ensure(t, server, wanted("ci"))
		var unmanaged *reconcile.UnmanagedError
		want := reconcile.UnmanagedError{Name: "ci", ID: server.rows[0].ID, Doing: "take over"}
		if !errors.As(err, &unmanaged) || *unmanaged != want {
			t.Errorf("got %v, want %v", err, &want)
		}
		if server.rows[0].token != "old" || server.rows[0].Description != "by hand" {
			t.Errorf("it was touched: %+v", server.rows[0])
		}
	})
	t.Run("to write credentials that it wasn't given", func(t *testing.T) {
		t.Parallel()
		server := &fakeInfisical{t: t}
		if _, err := ensure(t, server, wanted("ci", token(""))); err == nil || !strings.Contains(err.Error(), "needs the token") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a plan that came out of JSON", func(t *testing.T) {
		t.Parallel()
		server := &fakeInfisical{t: t}
		plans := []reconcile.ConnectionPlan{{Name: "ci", Action: reconcile.Create}}
		if _, err := reconcile.ApplyConnections(t.Context(), server, plans, reconcile.ConnectionOptions{}); err == nil || !strings.Contains(err.Error(), "plan again") || len(server.calls) > 0 {
			t.Errorf("got %v after %v", err, server.calls)
		}
	})
	t.Run("to call it done when the server stored something else", func(t *testing.T) {
		t.Parallel()
		server := &fakeInfisical{t: t, dropsDescription: true}
		if _, err := ensure(t, server, wanted("ci")); err == nil || !strings.Contains(err.Error(), "not as sent") {
			t.Errorf("got %v", err)
		}
	})
}

func TestPlansHoldNoToken(t *testing.T) {
	t.Parallel()
	const canary = "ATATT-canary"
	plans, err := reconcile.PlanConnections(t.Context(), &fakeInfisical{t: t}, []reconcile.DesiredConnection{wanted("ci", token(canary))})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(plans)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{string(encoded), fmt.Sprintf("%+v", plans), fmt.Sprintf("%#v", plans)} {
		if strings.Contains(out, canary) {
			t.Errorf("the token is in %s", out)
		}
	}
}
