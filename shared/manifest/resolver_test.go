package manifest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

var errAccess = errors.New("AccessDeniedException")

// resolver knows one of each kind; the contents stand for what people store.
func resolver() manifest.Resolver {
	files := map[string]string{
		"token": "canary-file\n", "empty": " \n", "lines": "canary\ncanary\n",
		"fits":  strings.Repeat("c", input.MaxTokenSize),
		"large": strings.Repeat("c", input.MaxTokenSize+1),
	}
	secrets := map[string]string{
		"whole": "canary-aws", "json": `{"token": "canary-field", "number": 7, "empty": ""}`, "list": `["canary"]`, "none": "",
	}
	return manifest.Resolver{
		Getenv: func(name string) string {
			return map[string]string{"TOKEN": " canary-env\u200b\r\n", "BLANK": "  ", "FLAG": "true"}[name]
		},
		ReadFile: func(path string) ([]byte, error) {
			if path == "locked" {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
			}
			content, there := files[path]
			if !there {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			}
			return []byte(content), nil
		},
		AWSSecret: func(ctx context.Context, id string) (redact.Secret, error) {
			if err := ctx.Err(); err != nil {
				return redact.Secret{}, err
			}
			content, there := secrets[id]
			if !there {
				return redact.Secret{}, fmt.Errorf("get secret: %w", errAccess)
			}
			return redact.New(content), nil
		},
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"env:TOKEN":             "canary-env",
		"file:token":            "canary-file",
		"file:fits":             strings.Repeat("c", input.MaxTokenSize),
		"aws-secret:whole":      "canary-aws",
		"aws-secret:json#token": "canary-field",
		"aws-secret:list":       `["canary"]`,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := resolver().Resolve(t.Context(), reference(t, text))
			if err != nil {
				t.Fatal(err)
			}
			if got.Reveal() != want {
				t.Errorf("secret = %q, want %q", got.Reveal(), want)
			}
		})
	}
}

func TestResolveSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"env:UNSET":              "the environment variable is not set or empty; set it, in CI from the platform's secrets",
		"env:BLANK":              "it is empty; store the secret there",
		"file:nowhere":           "there is no such file; check the path, which is relative to where linkersync was started",
		"file:locked":            "the file can't be read: permission denied",
		"file:empty":             "it is empty; store the secret there",
		"file:lines":             "it has several lines, so it is not a token; check which place is named",
		"file:large":             "it has more than 4096 bytes, so it is not a token; check which place is named",
		"aws-secret:other":       "get secret: AccessDeniedException",
		"aws-secret:none":        "it is empty; store the secret there",
		"aws-secret:json#other":  "the secret has no such field; check the part after #",
		"aws-secret:json#number": "the field of the secret is not text; store it as a JSON string",
		"aws-secret:json#empty":  "it is empty; store the secret there",
		"aws-secret:whole#token": "the secret is not a JSON object, so it has no fields; leave # and the field out of the reference to use it whole",
		"aws-secret:list#token":  "the secret is not a JSON object, so it has no fields; leave # and the field out of the reference to use it whole",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := resolver().Resolve(t.Context(), reference(t, text))
			if err == nil || !got.IsZero() {
				t.Fatalf("error = %v, secret is empty: %t; want an error and nothing", err, got.IsZero())
			}
			if want := "read secret " + text + ": " + want; err.Error() != want {
				t.Errorf("error = %q, want %q", err, want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the message repeats the secret: %v", err)
			}
		})
	}
}

// TestSeenIsToldOnlyTokens: to mask a whole file, or a word such as "true", would
// make a CI's log unreadable and show what the file holds.
func TestSeenIsToldOnlyTokens(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"env:TOKEN":              {"canary-env"},
		"env:UNSET":              nil,
		"env:BLANK":              nil,
		"env:FLAG":               nil,
		"file:token":             {"canary-file"},
		"file:lines":             nil,
		"file:large":             nil,
		"aws-secret:json#token":  {"canary-field"},
		"aws-secret:json#other":  nil,
		"aws-secret:whole#token": nil,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var seen []string
			r := resolver()
			r.Seen = func(secret redact.Secret) { seen = append(seen, secret.Reveal()) }
			_, _ = r.Resolve(t.Context(), reference(t, text))
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("seen (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResolveReadsOnlyWhatIsAllowed(t *testing.T) {
	t.Parallel()
	r := resolver()
	r.Allow = func(ref manifest.Reference) error {
		if ref.Target != "TOKEN" {
			return errAccess
		}
		return nil
	}
	if _, err := r.Resolve(t.Context(), reference(t, "env:TOKEN")); err != nil {
		t.Errorf("an allowed reference: %v", err)
	}
	read := func(string) string { t.Error("a refused variable was read"); return "" }
	r.Getenv = read
	r.ReadFile = func(path string) ([]byte, error) { return []byte(read(path)), nil }
	for _, text := range []string{"env:GH_TOKEN", "file:/proc/self/environ"} {
		if _, err := r.Resolve(t.Context(), reference(t, text)); !errors.Is(err, errAccess) {
			t.Errorf("%s: error %v, want the refusal", text, err)
		}
	}
}

func TestResolveKeepsTheCause(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"aws-secret:other", "aws-secret:other#token"} {
		if _, err := resolver().Resolve(t.Context(), reference(t, text)); !errors.Is(err, errAccess) {
			t.Errorf("%s: error %v does not wrap the adapter's", text, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := resolver().Resolve(ctx, reference(t, "aws-secret:whole")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v does not come from the context", err)
	}
}

func TestResolveRefusesSchemesThatAreSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"env:TOKEN", "file:token", "aws-secret:whole"} {
		scheme, _, _ := strings.Cut(text, ":")
		_, err := manifest.Resolver{}.Resolve(t.Context(), reference(t, text))
		want := "read secret " + text + ": " + scheme + ": references can't be used here; use another kind (env:, file:, aws-secret:)"
		if err == nil || err.Error() != want {
			t.Errorf("error = %v, want %q", err, want)
		}
	}
	if _, err := resolver().Resolve(t.Context(), manifest.Reference{}); err == nil || !strings.Contains(err.Error(), notReference) {
		t.Errorf("the empty reference: error %v", err)
	}
}

func reference(t *testing.T, text string) manifest.Reference {
	t.Helper()
	ref, err := manifest.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}
