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

// Older servers know less, newer ones more; neither is an error.
func TestConnectionsOfOtherServersAreRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want infisical.Connection
	}{
		"nothing but the id": {`{"id":"i"}`, infisical.Connection{ID: "i"}},
		"nulls": {
			`{"id":"i","name":"n","description":null,"projectId":null,"credentialsHash":null,"createdAt":null,"credentials":null}`,
			infisical.Connection{ID: "i", Name: "n"},
		},
		"a date of another form": {`{"id":"i","createdAt":"yesterday"}`, infisical.Connection{ID: "i"}},
		"keys from the future":   {`{"id":"i","rotation":{"a":[1]},"x":1}`, infisical.Connection{ID: "i"}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on("GET /api/v1/app-connections/bitbucket/"+connectionID, one(test.body))
			got, err := server.client().Connection(t.Context(), connectionID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSuccessWithoutTheContentIsAnError(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"a web page":           "<!doctype html><title>Infisical</title>",
		"nothing":              "",
		"null":                 "null",
		"a list":               "[]",
		"another object":       `{"ok":true}`,
		"an empty connection":  `{"appConnection":{}}`,
		"a cut off connection": `{"appConnection":{"id":"i"`,
		"two objects":          `{"appConnection":{"id":"i"}}{}`,
	}
	for title, body := range bodies {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(createPath, ok(body))
			_, err := server.client().Create(t.Context(), newConnection())
			if !errors.Is(err, infisical.ErrUnexpectedAnswer) {
				t.Errorf("error = %v, want ErrUnexpectedAnswer", err)
			}
			listing := newRecorder(t).on(listPath, ok(body))
			if _, err := listing.client().Connections(t.Context(), ""); !errors.Is(err, infisical.ErrUnexpectedAnswer) {
				t.Errorf("list: error = %v, want ErrUnexpectedAnswer", err)
			}
		})
	}
}

func TestTakenNameNamesItsHolder(t *testing.T) {
	t.Parallel()
	const holderID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	taken := refuse(400, "BadRequest", `"An App Connection with the name \"bitbucket-main\" already exists"`)
	holder := `{"id":"` + holderID + `","name":"bitbucket-main","app":"github","projectId":"p-1"}`
	elsewhere := `{"id":"` + connectionID + `","name":"bitbucket-main","app":"gitlab","projectId":"p-2"}`
	namesake := `{"id":"` + connectionID + `","name":"bitbucket-main-2","app":"gitlab","projectId":"p-1"}`
	tests := map[string]struct {
		list reply
		want infisical.NameTakenError
	}{
		"another app's":                {many(elsewhere, namesake, holder), infisical.NameTakenError{HolderID: holderID, HolderApp: "github"}},
		"one that can't be seen":       {many(elsewhere, namesake), infisical.NameTakenError{}},
		"a list that isn't allowed":    {refuse(403, "PermissionDenied", `"You are not allowed to read on app-connections"`), infisical.NameTakenError{}},
		"one without a proper ID":      {many(`{"id":"<b>","name":"bitbucket-main","app":"github","projectId":"p-1"}`), infisical.NameTakenError{}},
		"one without a proper app":     {many(`{"id":"` + holderID + `","name":"bitbucket-main","app":"<b>","projectId":"p-1"}`), infisical.NameTakenError{}},
		"a list that can't be decoded": {ok("oops"), infisical.NameTakenError{}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(createPath, taken).on(listAllPath, test.list)
			_, err := server.client().Create(t.Context(), newConnection())
			checkTaken(t, err, test.want)
			if got := server.last().Query.Get("projectId"); got != "p-1" {
				t.Errorf("looked in project %q, want p-1", got)
			}
		})
	}
	t.Run("after a rename", func(t *testing.T) {
		t.Parallel()
		path := "/api/v1/app-connections/bitbucket/" + connectionID
		server := newRecorder(t).on("PATCH "+path, taken).on("GET "+path, one(connectionJSON)).on(listAllPath, many(elsewhere, holder))
		name := "bitbucket-main"
		_, err := server.client().Update(t.Context(), connectionID, infisical.ConnectionChange{Name: &name})
		checkTaken(t, err, infisical.NameTakenError{HolderID: holderID, HolderApp: "github"})
	})
}

func checkTaken(t *testing.T, err error, want infisical.NameTakenError) {
	t.Helper()
	var taken *infisical.NameTakenError
	if !errors.As(err, &taken) || !errors.Is(err, infisical.ErrNameTaken) {
		t.Fatalf("error = %v, want a NameTakenError", err)
	}
	got := infisical.NameTakenError{HolderID: taken.HolderID, HolderApp: taken.HolderApp}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if taken.Name != "bitbucket-main" {
		t.Errorf("name = %q", taken.Name)
	}
	mustContain(t, err, `"bitbucket-main"`, want.HolderApp, want.HolderID)
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
