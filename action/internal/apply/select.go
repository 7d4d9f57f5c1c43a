package apply

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// All selects every installed installation.
const All = "all"

// Select returns the installations that a person chose: "all", a client key, or a
// workspace's UUID, with or without braces. A display name chooses nothing, because
// each workspace makes up its own: what is meant for one must not go to another that
// calls itself the same. Each comes with its secrets. What fits none, or several, is
// the sequence's only error.
func Select(ctx context.Context, store installation.Store, name string) iter.Seq2[installation.Installation, error] {
	if name == All {
		return store.All(ctx, installation.Query{State: installation.Installed, WithSecrets: true})
	}
	return func(yield func(installation.Installation, error) bool) {
		yield(One(ctx, store, name))
	}
}

// One returns the installation that has the client key or is in the workspace with
// the UUID: the installed one, or else the tombstone.
func One(ctx context.Context, store installation.Store, name string) (installation.Installation, error) {
	if workspace, err := connect.ParseWorkspaceUUID(name); err == nil {
		return inWorkspace(ctx, store, workspace)
	}
	if digits, close := hexDigits(name); close {
		return installation.Installation{}, fmt.Errorf("find installation %q: a workspace's UUID has 32 hexadecimal digits, and this has %d: %w", name, digits, installation.ErrNotFound)
	}
	found, err := store.Get(ctx, name)
	if errors.Is(err, installation.ErrNotFound) && !IsClientKey(name) {
		return found, fmt.Errorf("find installation %q: it is no client key, and no workspace's UUID; a name chooses nothing, since each workspace makes up its own: \"linkersync installations show\" tells the UUID of a name: %w", name, installation.ErrNotFound)
	}
	return found, err
}

func inWorkspace(ctx context.Context, store installation.Store, id connect.WorkspaceUUID) (installation.Installation, error) {
	// A UUID is in the tags: no secret has to be read to find it.
	installed, rest, err := matching(ctx, store, installation.Query{}, func(in installation.Installation) bool { return in.Principal.UUID == id })
	if err != nil {
		return installation.Installation{}, fmt.Errorf("find installation %q: %w", id, err)
	}
	if len(installed) == 0 {
		installed = rest
	}
	switch len(installed) {
	case 0:
		return installation.Installation{}, fmt.Errorf("find installation %q: no workspace has this UUID: %w", id, installation.ErrNotFound)
	case 1:
		return store.Get(ctx, installed[0].ClientKey)
	}
	return installation.Installation{}, fmt.Errorf("find installation %q: the workspace has %d installations; use the client key of one: %s", id, len(installed), keys(installed))
}

// Named returns the installed workspace that calls itself so, for a person to look
// at. It is no base for a write.
func Named(ctx context.Context, store installation.Store, name string) (installation.Installation, error) {
	// Only the values know display names.
	installed, _, err := matching(ctx, store, installation.Query{State: installation.Installed, WithSecrets: true},
		func(in installation.Installation) bool { return in.Principal.DisplayName == name })
	switch {
	case err != nil:
		return installation.Installation{}, fmt.Errorf("find installation %q: %w", name, err)
	case len(installed) == 0:
		return installation.Installation{}, fmt.Errorf("find installation %q: nobody who has the app has this client key, UUID or name: %w", name, installation.ErrNotFound)
	case len(installed) > 1:
		return installation.Installation{}, fmt.Errorf("find installation %q: %d workspaces call themselves so: %s", name, len(installed), keys(installed))
	}
	return installed[0], nil
}

// matching goes through the store. Another one's damage is no reason not to find
// what is looked for.
func matching(ctx context.Context, store installation.Store, query installation.Query, wanted func(installation.Installation) bool) (installed, rest []installation.Installation, err error) {
	for in, err := range store.All(ctx, query) {
		switch {
		case err != nil && (in.ClientKey == "" || wanted(in)):
			return nil, nil, err
		case err != nil || !wanted(in):
		case in.State == installation.Installed:
			installed = append(installed, in)
		default:
			rest = append(rest, in)
		}
	}
	return installed, rest, nil
}

func keys(list []installation.Installation) string {
	names := make([]string, len(list))
	for i, in := range list {
		names[i] = in.ClientKey
	}
	return strings.Join(names, ", ")
}

// IsClientKey tells a client key by how Bitbucket begins one.
func IsClientKey(name string) bool {
	return strings.HasPrefix(name, "ari:") || strings.HasPrefix(name, "connection:")
}

// hexDigits counts the digits of what looks like a mistyped UUID.
func hexDigits(name string) (count int, close bool) {
	for _, char := range name {
		switch {
		case strings.ContainsRune("0123456789abcdefABCDEF", char):
			count++
		case !strings.ContainsRune("{}-", char):
			return 0, false
		}
	}
	return count, count >= 24 && count <= 40
}

// Direct is an installation whose secret did not come from the store but from the
// caller's environment: the last resort for a pipeline without AWS.
func Direct(appKey, clientKey string, secret redact.Secret) installation.Installation {
	workspace, _, _ := connect.ClientKeyWorkspace(clientKey) // not every client key tells it
	return installation.Installation{
		AppKey: appKey, ClientKey: connect.CanonicalClientKey(clientKey), SharedSecret: secret, State: installation.Installed,
		Principal: installation.Principal{UUID: workspace},
	}
}

// Just is a sequence of one.
func Just(in installation.Installation) iter.Seq2[installation.Installation, error] {
	return func(yield func(installation.Installation, error) bool) { yield(in, nil) }
}
