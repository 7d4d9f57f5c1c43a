package setup

import (
	"context"
	"fmt"
	"iter"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
)

// SharedSecretVariable holds an installation's shared secret for a pipeline
// without AWS, as a last resort.
const SharedSecretVariable = "LINKERSYNC_SHARED_SECRET"

// Installations returns the ones that name selects, with their secrets: all, a
// client key, or a workspace's UUID. All of none is an error: it would pass for a
// fleet that needs nothing. With a shared secret in the environment, name is the
// client key that it belongs to and no store is asked.
func (s *Session) Installations(ctx context.Context, name string) iter.Seq2[installation.Installation, error] {
	if s.codecError != nil {
		return func(yield func(installation.Installation, error) bool) {
			yield(installation.Installation{}, s.codecError)
		}
	}
	if secret := redact.New(s.getenv(SharedSecretVariable)); !secret.IsZero() {
		return s.direct(name, secret)
	}
	return func(yield func(installation.Installation, error) bool) {
		store, err := s.Store(ctx)
		if err != nil {
			yield(installation.Installation{}, err)
			return
		}
		found := false
		for in, err := range apply.Select(ctx, store, name) {
			found = true
			if err == nil {
				s.secretSeen(in.SharedSecret)
			}
			if !yield(in, err) {
				return
			}
		}
		if !found {
			yield(installation.Installation{}, fmt.Errorf("find installations: %w: %s; check the app key and the region", installation.ErrNotFound, s.Nobody(ctx)))
		}
	}
}

// Count returns how many installed workspaces there are, without reading their secrets.
func (s *Session) Count(ctx context.Context) (int, error) {
	store, err := s.Store(ctx)
	if err != nil {
		return 0, err
	}
	count := 0
	for in, err := range store.All(ctx, installation.Query{State: installation.Installed}) {
		if err != nil && in.ClientKey == "" {
			return 0, err
		}
		count++
	}
	return count, nil
}

// Nobody says in words whose installations were looked for, and where.
func (s *Session) Nobody(ctx context.Context) string {
	loaded, _ := s.AWS(ctx) // the store has used it
	return fmt.Sprintf("nobody has the app %q in %s", s.AppKey(), loaded.Region)
}

// direct is the one installation that the environment's secret is of.
func (s *Session) direct(name string, secret redact.Secret) iter.Seq2[installation.Installation, error] {
	var err error
	switch {
	case name == apply.All:
		err = fmt.Errorf("%s is one installation's secret: give --installation its client key, or unset the variable to use the store", SharedSecretVariable)
	case !apply.IsClientKey(name):
		err = fmt.Errorf("%s is one installation's secret, and %q is no client key: give --installation the client key, which begins with ari: or connection:, or unset the variable to use the store", SharedSecretVariable, name)
	case s.AppKey() == "":
		err = ErrNoApp
	}
	if err != nil {
		return func(yield func(installation.Installation, error) bool) { yield(installation.Installation{}, err) }
	}
	return apply.Just(apply.Direct(s.AppKey(), name, secret))
}

// Connect returns Bitbucket as the installation, as far as reconciling needs it.
func (s *Session) Connect(in installation.Installation) reconcile.LinkerValues {
	return s.Bitbucket(in)
}
