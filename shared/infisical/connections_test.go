package infisical_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

func TestEachOperationMakesItsRequest(t *testing.T) {
	t.Parallel()
	name, description := "other-name", ""
	credentials := newConnection().Credentials
	wantCredentials := map[string]any{"email": "ops@example.com", "apiToken": apiToken}
	tests := map[string]struct {
		do    func(context.Context, *infisical.Client) (any, error)
		route string
		query url.Values
		body  map[string]any
		reply reply
		want  any
	}{
		"options": {
			do:    func(ctx context.Context, c *infisical.Client) (any, error) { return c.Options(ctx, "") },
			route: "GET /api/v1/app-connections/options",
			reply: ok(`{"appConnectionOptions":[{"name":"Bitbucket","app":"bitbucket","methods":["api-token"]}]}`),
			want:  []infisical.AppOption{{Name: "Bitbucket", App: "bitbucket", Methods: []string{"api-token"}}},
		},
		"options of a project type": {
			do:    func(ctx context.Context, c *infisical.Client) (any, error) { return c.Options(ctx, "secret-manager") },
			route: "GET /api/v1/app-connections/options",
			query: url.Values{"projectType": {"secret-manager"}},
			reply: ok(`{"appConnectionOptions":[]}`),
			want:  []infisical.AppOption{},
		},
		"list of everything": {
			do:    func(ctx context.Context, c *infisical.Client) (any, error) { return c.Connections(ctx, "") },
			route: listPath,
			reply: many(connectionJSON),
			want:  []infisical.Connection{wantConnection()},
		},
		"list of a project": {
			do:    func(ctx context.Context, c *infisical.Client) (any, error) { return c.Connections(ctx, "p-1") },
			route: listPath,
			query: url.Values{"projectId": {"p-1"}},
			reply: many(),
			want:  []infisical.Connection{},
		},
		"available": {
			do:    func(ctx context.Context, c *infisical.Client) (any, error) { return c.Available(ctx, "p-1") },
			route: "GET /api/v1/app-connections/bitbucket/available",
			query: url.Values{"projectId": {"p-1"}},
			reply: many(`{"app":"bitbucket","name":"n","id":"i","projectId":null,"orgId":"o"}`),
			want:  []infisical.Connection{{ID: "i", Name: "n", App: "bitbucket", OrgID: "o"}},
		},
		"get by id": {
			do:    func(ctx context.Context, c *infisical.Client) (any, error) { return c.Connection(ctx, connectionID) },
			route: "GET /api/v1/app-connections/bitbucket/" + connectionID,
			reply: one(connectionJSON),
			want:  wantConnection(),
		},
		"get by name in a project": {
			do: func(ctx context.Context, c *infisical.Client) (any, error) {
				return c.ConnectionByName(ctx, "bitbucket-main", "p-1")
			},
			route: "GET /api/v1/app-connections/bitbucket/connection-name/bitbucket-main",
			query: url.Values{"projectId": {"p-1"}},
			reply: one(connectionJSON),
			want:  wantConnection(),
		},
		"get by name in the organisation": {
			do: func(ctx context.Context, c *infisical.Client) (any, error) {
				return c.ConnectionByName(ctx, "bitbucket-main", "")
			},
			route: "GET /api/v1/app-connections/bitbucket/connection-name/bitbucket-main",
			reply: one(connectionJSON),
			want:  wantConnection(),
		},
		"create in a project": {
			do:    func(ctx context.Context, c *infisical.Client) (any, error) { return c.Create(ctx, newConnection()) },
			route: createPath,
			body: map[string]any{
				"name": "bitbucket-main", "method": "api-token", "description": "for syncs", "projectId": "p-1", "credentials": wantCredentials,
			},
			reply: one(connectionJSON),
			want:  wantConnection(),
		},
		"create in the organisation, with nothing optional": {
			do: func(ctx context.Context, c *infisical.Client) (any, error) {
				return c.Create(ctx, infisical.NewConnection{Name: "n", Credentials: credentials})
			},
			route: createPath,
			body:  map[string]any{"name": "n", "method": "api-token", "credentials": wantCredentials},
			reply: one(connectionJSON),
			want:  wantConnection(),
		},
		"update of everything": {
			do: func(ctx context.Context, c *infisical.Client) (any, error) {
				return c.Update(ctx, connectionID, infisical.ConnectionChange{Name: &name, Description: &description, Credentials: &credentials})
			},
			route: "PATCH /api/v1/app-connections/bitbucket/" + connectionID,
			body:  map[string]any{"name": "other-name", "description": "", "credentials": wantCredentials},
			reply: one(connectionJSON),
			want:  wantConnection(),
		},
		"update of the credentials only": {
			do: func(ctx context.Context, c *infisical.Client) (any, error) {
				return c.Update(ctx, connectionID, infisical.ConnectionChange{Credentials: &credentials})
			},
			route: "PATCH /api/v1/app-connections/bitbucket/" + connectionID,
			body:  map[string]any{"credentials": wantCredentials},
			reply: one(connectionJSON),
			want:  wantConnection(),
		},
		"delete": {
			do: func(ctx context.Context, c *infisical.Client) (any, error) {
				return nil, c.Delete(ctx, connectionID)
			},
			route: "DELETE /api/v1/app-connections/bitbucket/" + connectionID,
			reply: one(connectionJSON),
		},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(test.route, test.reply)
			got, err := test.do(t.Context(), server.client())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{loginPath, test.route}, server.routes()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			checkRequest(t, server.last(), test.query, test.body)
		})
	}
}

func checkRequest(t *testing.T, made call, query url.Values, body map[string]any) {
	t.Helper()
	if query == nil {
		query = url.Values{}
	}
	if diff := cmp.Diff(query, made.Query); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	want := http.Header{"Authorization": {"Bearer access-1"}, "Accept": {"application/json"}}
	if body == nil {
		// With a content type, Infisical takes the empty body for malformed.
		if made.Body != "" {
			t.Errorf("body = %q, want none", made.Body)
		}
	} else {
		want.Set("Content-Type", "application/json")
		if diff := cmp.Diff(body, made.decoded(t)); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
	}
	for _, name := range []string{"Authorization", "Accept", "Content-Type"} {
		if diff := cmp.Diff(want.Values(name), made.Header.Values(name)); diff != "" {
			t.Errorf("header %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestInputIsCheckedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	bad, long := "Bad Name", string(make([]byte, 3))
	calls := map[string]func(context.Context, *infisical.Client) error{
		"options": func(ctx context.Context, c *infisical.Client) error { _, err := c.Options(ctx, "a b"); return err },
		"list": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Connections(ctx, "a\x00b")
			return err
		},
		"available": func(ctx context.Context, c *infisical.Client) error { _, err := c.Available(ctx, "a b"); return err },
		"get by id": func(ctx context.Context, c *infisical.Client) error { _, err := c.Connection(ctx, "../x"); return err },
		"get by name": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.ConnectionByName(ctx, bad, "")
			return err
		},
		"in a project": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.ConnectionByName(ctx, "n", "é")
			return err
		},
		"create": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Create(ctx, infisical.NewConnection{})
			return err
		},
		"update by name": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Update(ctx, "n", infisical.ConnectionChange{Description: &bad})
			return err
		},
		"update of nothing": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Update(ctx, connectionID, infisical.ConnectionChange{})
			return err
		},
		"update of the name": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Update(ctx, connectionID, infisical.ConnectionChange{Name: &bad})
			return err
		},
		"update of the description": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Update(ctx, connectionID, infisical.ConnectionChange{Description: &long})
			return err
		},
		"update of half the credentials": func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Update(ctx, connectionID, infisical.ConnectionChange{Credentials: &infisical.Credentials{APIToken: redact.New("t")}})
			return err
		},
		"delete": func(ctx context.Context, c *infisical.Client) error { return c.Delete(ctx, "") },
	}
	for title, do := range calls {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t)
			err := do(t.Context(), server.client())
			var input *infisical.InputError
			if !errors.Is(err, infisical.ErrInvalid) || !errors.As(err, &input) {
				t.Errorf("error = %v, want an InputError", err)
			}
			if calls := server.routes(); len(calls) > 0 {
				t.Errorf("called %v before the input was refused", calls)
			}
		})
	}
}
