package apply_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	uuidA = "{11111111-2222-4333-8444-aaaaaaaaaaaa}"
	uuidB = "{11111111-2222-4333-8444-bbbbbbbbbbbb}"
	uuidC = "{11111111-2222-4333-8444-cccccccccccc}"
	uuidD = "{11111111-2222-4333-8444-dddddddddddd}"
)

// shelf is a store that answers as Secrets Manager's does: without the values, no
// display name is known.
type shelf struct {
	installation.Store
	list    []installation.Installation
	queries []installation.Query
	broken  string
}

func (s *shelf) Get(_ context.Context, clientKey string) (installation.Installation, error) {
	for _, in := range s.list {
		if in.ClientKey == clientKey {
			return in, nil
		}
	}
	return installation.Installation{}, installation.ErrNotFound
}

func (s *shelf) All(_ context.Context, query installation.Query) iter.Seq2[installation.Installation, error] {
	s.queries = append(s.queries, query)
	return func(yield func(installation.Installation, error) bool) {
		for _, in := range s.list {
			var err error
			if in.ClientKey == s.broken {
				err = installation.ErrDamaged
			}
			if !query.WithSecrets {
				in.Principal.DisplayName, in.SharedSecret = "", redact.Secret{}
			}
			if (query.State == "" || query.State == in.State) && !yield(in, err) {
				return
			}
		}
	}
}

func shelfOf() *shelf {
	make := func(key string, uuid connect.WorkspaceUUID, name string, state installation.State) installation.Installation {
		return installation.Installation{ClientKey: key, Principal: installation.Principal{UUID: uuid, DisplayName: name}, State: state, SharedSecret: redact.New("s")}
	}
	return &shelf{list: []installation.Installation{
		make("ari:cloud:bitbucket::app/"+uuidA+"/app", uuidA, "Example", installation.Installed),
		make("connection:7", uuidB, "Twin", installation.Installed),
		make("connection:8", "", "Twin", installation.Uninstalled),
		make("connection:5", uuidB, "Gone", installation.Uninstalled),
		make("connection:6", uuidC, "Gone", installation.Uninstalled),
		make("another-form", "", "Odd", installation.Installed),
		make("connection:1", uuidD, "Two", installation.Installed),
		make("connection:2", uuidD, "Two", installation.Installed),
	}}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	first, second := shelfOf().list[0].ClientKey, "connection:7"
	tests := map[string]struct {
		name   string
		want   []string
		reason string
	}{
		"all are the installed ones":   {"all", []string{first, second, "another-form", "connection:1", "connection:2"}, ""},
		"a client key":                 {first, []string{first}, ""},
		"an older client key":          {"connection:8", []string{"connection:8"}, ""},
		"an unknown client key":        {"connection:9", nil, "not found"},
		"a UUID":                       {uuidB, []string{second}, ""},
		"a UUID without braces":        {strings.Trim(uuidA, "{}"), []string{first}, ""},
		"a UUID in capitals":           {strings.ToUpper(uuidA), []string{first}, ""},
		"a client key of another form": {"another-form", []string{"another-form"}, ""},
		"a UUID that was there before": {uuidB, []string{second}, ""},
		"a UUID of a tombstone only":   {uuidC, []string{"connection:6"}, ""},
		"a UUID of two":                {uuidD, nil, "the workspace has 2 installations; use the client key of one: connection:1, connection:2"},
		"a UUID of nobody":             {"{" + strings.Repeat("0", 8) + uuidA[9:], nil, "no workspace has this UUID"},
		"a display name":               {"Example", nil, `find installation "Example": it is no client key, and no workspace's UUID; a name chooses nothing`},
		"nothing, where one has none":  {"{}", nil, "a name chooses nothing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			var failed error
			for in, err := range apply.Select(t.Context(), shelfOf(), test.name) {
				if failed = err; err == nil {
					got = append(got, in.ClientKey)
					if in.SharedSecret.IsZero() {
						t.Errorf("%s comes without its secret", in.ClientKey)
					}
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if test.reason == "" && failed != nil || test.reason != "" && (failed == nil || !strings.Contains(failed.Error(), test.reason)) {
				t.Errorf("%v, want %q", failed, test.reason)
			}
		})
	}
}

// A name is looked up for a person: installed workspaces only, and never one of two.
func TestNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ key, reason string }{
		"Example": {key: shelfOf().list[0].ClientKey}, "Twin": {key: "connection:7"},
		"Gone": {reason: "installation not found"}, "Nobody": {reason: "installation not found"}, "": {reason: "installation not found"},
		"Two": {reason: "2 workspaces call themselves so: connection:1, connection:2"},
	} {
		in, err := apply.Named(t.Context(), shelfOf(), name)
		if in.ClientKey != want.key || (err == nil) != (want.reason == "") || err != nil && !strings.Contains(err.Error(), want.reason) {
			t.Errorf("%q is %q, %v", name, in.ClientKey, err)
		}
	}
}

// A UUID is in the tags, so that no secret has to be read to find it.
func TestUUIDIsFoundWithoutReadingSecrets(t *testing.T) {
	t.Parallel()
	store := shelfOf()
	if _, err := apply.One(t.Context(), store, uuidB); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]installation.Query{{}}, store.queries); diff != "" {
		t.Error(diff)
	}
}

func TestAnothersDamageDoesNotHide(t *testing.T) {
	t.Parallel()
	store := shelfOf()
	store.broken = "connection:8"
	if in, err := apply.One(t.Context(), store, uuidA); err != nil || in.Principal.UUID != uuidA {
		t.Error(in, err)
	}
	store.broken = store.list[0].ClientKey
	if _, err := apply.One(t.Context(), store, uuidA); !errors.Is(err, installation.ErrDamaged) {
		t.Error(err)
	}
}
