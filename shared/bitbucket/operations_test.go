package bitbucket_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/bitbucket"
)

// operation is one method of the client, the call it makes and what it returns.
type operation struct {
	name string
	// spec is the operation in Bitbucket's specification.
	spec string
	step step
	call func(context.Context, *bitbucket.Client) (any, error)
	want any
}

func operations() []operation {
	const key = "jira/é linker"
	const linker = "/2.0/addon/linkers/jira%2F%C3%A9%20linker"
	none := func(err error) (any, error) { return nil, err }
	return []operation{
		{
			"UpdateAddon", "PUT /addon",
			step{request: "PUT /2.0/addon", body: `{}`, status: 204},
			func(ctx context.Context, c *bitbucket.Client) (any, error) { return none(c.UpdateAddon(ctx)) }, nil,
		},
		{
			"UpdateAddonDescriptor", "PUT /addon",
			step{request: "PUT /2.0/addon", body: `{"descriptor":{"key":"app","modules":{}}}`, status: 204},
			func(ctx context.Context, c *bitbucket.Client) (any, error) {
				return none(c.UpdateAddonDescriptor(ctx, json.RawMessage(`{"key":"app","modules":{}}`)))
			}, nil,
		},
		{
			"UpdateAddonDescriptorURL", "PUT /addon",
			step{request: "PUT /2.0/addon", body: `{"descriptor_url":"https://app.example/descriptor.json"}`, status: 204},
			func(ctx context.Context, c *bitbucket.Client) (any, error) {
				return none(c.UpdateAddonDescriptorURL(ctx, "https://app.example/descriptor.json"))
			}, nil,
		},
		{
			"DeleteAddon", "DELETE /addon",
			step{request: "DELETE /2.0/addon", status: 204},
			func(ctx context.Context, c *bitbucket.Client) (any, error) { return none(c.DeleteAddon(ctx)) }, nil,
		},
		{
			"Linkers", "GET /addon/linkers",
			step{request: "GET /2.0/addon/linkers?pagelen=100", answer: `{"values":[{"key":"a","regex":"x"},{"key":"b"}]}`},
			func(ctx context.Context, c *bitbucket.Client) (any, error) { return collect(c.Linkers(ctx)) },
			[]bitbucket.Linker{{Key: "a"}, {Key: "b"}},
		},
		{
			"Linker", "GET /addon/linkers/{linker_key}",
			step{request: "GET " + linker, answer: `{"key":"jira/é linker","type":"href"}`},
			func(ctx context.Context, c *bitbucket.Client) (any, error) { return c.Linker(ctx, key) },
			bitbucket.Linker{Key: key},
		},
		{
			"LinkerValues", "GET /addon/linkers/{linker_key}/values",
			step{request: "GET " + linker + "/values?pagelen=100", answer: `{"pagelen":100,"values":[{"id":7,"value":"BB"}]}`},
			func(ctx context.Context, c *bitbucket.Client) (any, error) { return collect(c.LinkerValues(ctx, key)) },
			[]bitbucket.LinkerValue{{ID: 7, Value: "BB"}},
		},
		{
			"CreateLinkerValue", "POST /addon/linkers/{linker_key}/values",
			step{request: "POST " + linker + "/values", body: `{"value":"BB"}`, status: 201, answer: `{"id":7,"value":"BB"}`},
			func(ctx context.Context, c *bitbucket.Client) (any, error) {
				return c.CreateLinkerValue(ctx, key, "BB")
			},
			bitbucket.LinkerValue{ID: 7, Value: "BB"},
		},
		{
			"UpdateLinkerValues", "PUT /addon/linkers/{linker_key}/values",
			step{request: "PUT " + linker + "/values", body: `["BB","OPS"]`, status: 204},
			func(ctx context.Context, c *bitbucket.Client) (any, error) {
				return none(c.UpdateLinkerValues(ctx, key, []string{"BB", "OPS"}))
			}, nil,
		},
		{
			"DeleteLinkerValues", "DELETE /addon/linkers/{linker_key}/values",
			step{request: "DELETE " + linker + "/values", status: 204},
			func(ctx context.Context, c *bitbucket.Client) (any, error) {
				return none(c.DeleteLinkerValues(ctx, key))
			}, nil,
		},
		{
			"LinkerValue", "GET /addon/linkers/{linker_key}/values/{value_id}",
			step{request: "GET " + linker + "/values/7", answer: `{"id":7,"value":"BB"}`},
			func(ctx context.Context, c *bitbucket.Client) (any, error) { return c.LinkerValue(ctx, key, 7) },
			bitbucket.LinkerValue{ID: 7, Value: "BB"},
		},
		{
			"DeleteLinkerValue", "DELETE /addon/linkers/{linker_key}/values/{value_id}",
			step{request: "DELETE " + linker + "/values/7", status: 204},
			func(ctx context.Context, c *bitbucket.Client) (any, error) {
				return none(c.DeleteLinkerValue(ctx, key, 7))
			}, nil,
		},
	}
}

func TestEveryOperation(t *testing.T) {
	t.Parallel()
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			got, err := op.call(t.Context(), newClient(t, newServer(t, op.step)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(op.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

// Every operation must hand on what went wrong, with the call it went wrong in.
func TestEveryOperationReportsErrors(t *testing.T) {
	t.Parallel()
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			refused := op.step
			refused.status, refused.answer = 401, `{"type":"error","error":{"message":"Token is invalid"}}`
			_, err := op.call(t.Context(), newClient(t, newServer(t, refused)))
			wantError(t, err, bitbucket.ErrUnauthorized)
			method, target, _ := strings.Cut(op.step.request, " ")
			path, _, _ := strings.Cut(target, "?")
			want := &bitbucket.APIError{Method: method, Path: path, Status: 401, Message: "Token is invalid"}
			var got *bitbucket.APIError
			if !errors.As(err, &got) {
				t.Fatalf("error %T, want *APIError", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOperationsAreThoseOfTheSpecification reads Bitbucket's own specification,
// which isn't part of this repository, when it lies beside it.
func TestOperationsAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "shared", "reference", "bitbucket-addon.openapi2.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("Bitbucket's specification isn't at %s", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		BasePath string                                `json:"basePath"`
		Paths    map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for path, methods := range spec.Paths {
		for method, raw := range methods {
			var described struct{ Tags []string }
			if json.Unmarshal(raw, &described) == nil && slices.Contains(described.Tags, "Addon") {
				want = append(want, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, op := range operations() {
		got = append(got, op.spec)
		method, path, _ := strings.Cut(op.spec, " ")
		pattern := strings.NewReplacer("{linker_key}", "jira%2F%C3%A9%20linker", "{value_id}", "7").Replace(path)
		called, _, _ := strings.Cut(op.step.request, "?")
		if called != method+" "+spec.BasePath+pattern {
			t.Errorf("%s calls %s, which isn't %s", op.name, called, op.spec)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" || len(want) != 10 {
		t.Errorf("operations (-specification +ours):\n%s", diff)
	}
}

func TestInputIsRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	calls := map[string]func(context.Context, *bitbucket.Client) error{
		"descriptor that isn't JSON": func(ctx context.Context, c *bitbucket.Client) error {
			return c.UpdateAddonDescriptor(ctx, json.RawMessage(`{"sharedSecret":canary`))
		},
		"no descriptor":     func(ctx context.Context, c *bitbucket.Client) error { return c.UpdateAddonDescriptor(ctx, nil) },
		"no descriptor URL": func(ctx context.Context, c *bitbucket.Client) error { return c.UpdateAddonDescriptorURL(ctx, "") },
		"no linker key":     func(ctx context.Context, c *bitbucket.Client) error { return c.DeleteLinkerValues(ctx, "") },
		"linker key that is a dot segment": func(ctx context.Context, c *bitbucket.Client) error {
			return c.UpdateLinkerValues(ctx, "..", []string{"BB"})
		},
		"list of a linker without key": func(ctx context.Context, c *bitbucket.Client) error {
			_, err := collect(c.LinkerValues(ctx, "."))
			return err
		},
		"get a linker without key": func(ctx context.Context, c *bitbucket.Client) error {
			_, err := c.Linker(ctx, "")
			return err
		},
		"create on a linker without key": func(ctx context.Context, c *bitbucket.Client) error {
			_, err := c.CreateLinkerValue(ctx, "", "BB")
			return err
		},
		"value without id": func(ctx context.Context, c *bitbucket.Client) error {
			_, err := c.LinkerValue(ctx, "jira", 0)
			return err
		},
		// The path without an id would delete all values.
		"deleting a value without id": func(ctx context.Context, c *bitbucket.Client) error { return c.DeleteLinkerValue(ctx, "jira", 0) },
		"deleting a negative id":      func(ctx context.Context, c *bitbucket.Client) error { return c.DeleteLinkerValue(ctx, "jira", -1) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantError(t, call(t.Context(), newClient(t, newServer(t))), bitbucket.ErrInvalid)
		})
	}
}
