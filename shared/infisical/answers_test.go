package infisical_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
)

// A message that doesn't say which call failed for which connection helps nobody.
func TestAnErrorNamesTheCallAndItsThing(t *testing.T) {
	t.Parallel()
	const base = "/api/v1/app-connections/bitbucket"
	name := "n"
	tests := map[string]struct {
		route string
		do    func(context.Context, *infisical.Client) error
		says  string
	}{
		"options":   {"GET /api/v1/app-connections/options", func(ctx context.Context, c *infisical.Client) error { _, err := c.Options(ctx, ""); return err }, "list app connection options: "},
		"list":      {listPath, func(ctx context.Context, c *infisical.Client) error { _, err := c.Connections(ctx, ""); return err }, "list connections: "},
		"available": {"GET " + base + "/available", func(ctx context.Context, c *infisical.Client) error { _, err := c.Available(ctx, ""); return err }, "list available connections: "},
		"get by id": {"GET " + base + "/" + connectionID, func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Connection(ctx, connectionID)
			return err
		}, "get connection " + connectionID + ": "},
		"get by name": {"GET " + base + "/connection-name/n", func(ctx context.Context, c *infisical.Client) error {
			_, err := c.ConnectionByName(ctx, "n", "")
			return err
		}, `get connection "n": `},
		"create": {createPath, func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Create(ctx, newConnection())
			return err
		}, `create connection "bitbucket-main": `},
		"update": {updatePath, func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Update(ctx, connectionID, infisical.ConnectionChange{Name: &name})
			return err
		}, "update connection " + connectionID + ": "},
		"delete": {"DELETE " + base + "/" + connectionID, func(ctx context.Context, c *infisical.Client) error { return c.Delete(ctx, connectionID) }, "delete connection " + connectionID + ": "},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			missing := refuse(404, "NotFound", `"Could not find App Connection with ID x"`)
			err := test.do(t.Context(), newRecorder(t).on(test.route, missing).client())
			checkKinds(t, err, "ErrNotFound")
			if err != nil && !strings.HasPrefix(err.Error(), test.says) {
				t.Errorf("error = %q, want %q at its start", err, test.says)
			}
		})
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
