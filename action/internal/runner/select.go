package runner

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"strings"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// All selects every installed installation.
const All = "all"

// Select returns the installations that a person named: "all", a client key, or a
// workspace by its UUID (with or without braces) or display name. Each comes with
// its secrets. A name that fits none, or several, is the sequence's only error.
func Select(ctx context.Context, store installation.Store, name string) iter.Seq2[installation.Installation, error] {
	if name == All {
		return store.All(ctx, installation.Query{State: installation.Installed, WithSecrets: true})
	}
	return func(yield func(installation.Installation, error) bool) {
		found, err := One(ctx, store, name)
		yield(found, err)
	}
}

// One returns the installation that a person named, installed or not.
func One(ctx context.Context, store installation.Store, name string) (installation.Installation, error) {
	if IsClientKey(name) {
		return store.Get(ctx, name)
	}
	var matches []installation.Installation
	// Only the values know display names: a UUID is found without reading them.
	for in, err := range store.All(ctx, installation.Query{WithSecrets: !isUUID(name)}) {
		if err != nil && in.ClientKey != "" && !named(in, name) {
			continue // another one's damage is no reason not to find this one
		}
		if err != nil {
			return installation.Installation{}, fmt.Errorf("find installation %q: %w", name, err)
		}
		if named(in, name) {
			matches = append(matches, in)
		}
	}
	switch len(matches) {
	case 0:
		return installation.Installation{}, fmt.Errorf("find installation %q: no workspace has this UUID or name: %w", name, installation.ErrNotFound)
	case 1:
		return store.Get(ctx, matches[0].ClientKey)
	}
	return installation.Installation{}, fmt.Errorf("find installation %q: %d workspaces have this name; use the UUID or the client key instead", name, len(matches))
}

// IsClientKey tells a client key, by how Bitbucket begins one, from a workspace's
// UUID or name.
func IsClientKey(name string) bool {
	return strings.HasPrefix(name, "ari:") || strings.HasPrefix(name, "connection:")
}

func isUUID(name string) bool { return uuid.MatchString(name) }

var uuid = regexp.MustCompile(`^\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?$`)

func named(in installation.Installation, name string) bool {
	return in.ClientKey == name || isUUID(name) && strings.EqualFold(strings.Trim(in.Principal.UUID, "{}"), strings.Trim(name, "{}")) || in.Principal.DisplayName == name
}

// Direct is an installation whose secret did not come from the store but from the
// caller's environment: the last resort for a pipeline without AWS.
func Direct(appKey, clientKey string, secret redact.Secret) installation.Installation {
	workspace, _, _ := connect.ClientKeyWorkspace(clientKey) // not every client key tells it
	return installation.Installation{
		AppKey: appKey, ClientKey: clientKey, SharedSecret: secret, State: installation.Installed,
		Principal: installation.Principal{UUID: workspace},
	}
}

// Just is a sequence of one.
func Just(in installation.Installation) iter.Seq2[installation.Installation, error] {
	return func(yield func(installation.Installation, error) bool) { yield(in, nil) }
}
