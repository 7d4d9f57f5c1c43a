package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/linkersync/linkersync/functions/internal/answer"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
)

// maxDecisions bounds how often an event is decided anew after it lost a race.
// Events of one installation come in ones and twos.
const maxDecisions = 4

// lifecycle keeps the installations as Bitbucket's events say. It acts only on a
// grant.
type lifecycle struct {
	store     installation.Store
	allowed   []string
	firstSync *firstSync
	log       *slog.Logger
}

// take applies an event. Every path is safe to repeat: a delivery that was applied
// before changes nothing.
func (l *lifecycle) take(ctx context.Context, by grant, event connect.Event) error {
	switch event.Type {
	case connect.EventInstalled:
		return l.install(ctx, by, event)
	case connect.EventUninstalled:
		return l.change(ctx, by, event, uninstall)
	}
	// Whether Bitbucket sends enabled and disabled is not documented; neither
	// changes who the installation is.
	return nil
}

func (l *lifecycle) checkAllowed(event connect.Event) error {
	if len(l.allowed) > 0 && !slices.Contains(l.allowed, event.Principal.UUID) {
		return fmt.Errorf("%w: %s", answer.ErrNotAllowed, event.Principal.UUID)
	}
	return nil
}

func (l *lifecycle) install(ctx context.Context, by grant, event connect.Event) error {
	if err := l.checkAllowed(event); err != nil {
		return err
	}
	err := l.change(ctx, by, event, reinstall)
	if errors.Is(err, installation.ErrNotFound) && by.signedBy != connect.SignedByCurrent && by.signedBy != connect.SignedByPrevious {
		err = l.create(ctx, by, event)
	}
	if err != nil {
		return err
	}
	// The installation is kept, so the event succeeded whatever becomes of this:
	// drift repair finds a workspace that missed its first sync.
	if err := l.firstSync.queueFor(ctx, by.clientKey); err != nil {
		l.log.ErrorContext(ctx, "first sync not queued, drift repair will make up for it", slog.String("error", err.Error()))
	}
	return nil
}

// create stores a first install. It never overwrites: when another request was
// first, this one is not a first install any more.
func (l *lifecycle) create(ctx context.Context, by grant, event connect.Event) error {
	_, err := l.store.Create(ctx, installation.Installation{
		AppKey: event.AppKey, ClientKey: by.clientKey, Principal: principal(event),
		State: installation.Installed, SharedSecret: event.SharedSecret, EventAt: by.at,
	}, by.delivery)
	switch {
	case errors.Is(err, installation.ErrExists) && by.signedBy == 0:
		return fmt.Errorf("%w: another first install was faster", connect.ErrUnauthenticated)
	case errors.Is(err, installation.ErrExists):
		return fmt.Errorf("%w: %w", installation.ErrConflict, err)
	case err != nil:
		return err
	}
	l.log.InfoContext(ctx, "installed", slog.String("workspace", event.Principal.UUID))
	return nil
}

// decision returns what an event makes of an installation; changed is false when
// it is stale or says what is so already.
type decision func(in installation.Installation, by grant, event connect.Event) (next installation.Installation, changed bool)

// change decides on the state in force and writes under the condition that it
// still is. A lost race is decided anew.
func (l *lifecycle) change(ctx context.Context, by grant, event connect.Event, decide decision) error {
	var err error
	for range maxDecisions {
		var in installation.Installation
		if in, err = l.store.Get(ctx, by.clientKey); err != nil {
			break
		}
		if outlived(in, by) {
			return fmt.Errorf("%w: signed with a secret after it was replaced", connect.ErrUnauthenticated)
		}
		next, changed := decide(in, by, event)
		if !changed {
			return nil
		}
		if _, err = l.store.Update(ctx, next, by.delivery); !errors.Is(err, installation.ErrConflict) {
			if err == nil {
				l.log.InfoContext(ctx, string(event.Type), slog.String("workspace", next.Principal.UUID))
			}
			break
		}
	}
	if errors.Is(err, installation.ErrNotFound) && event.Type == connect.EventUninstalled {
		return nil // a registered app's uninstall of an installation that we never had
	}
	return err
}

// outlived tells whether a token was signed with the previous secret after that
// was replaced. The previous secret is there for events that were under way, so
// whoever got hold of it can't keep using it.
func outlived(in installation.Installation, by grant) bool {
	return by.signedBy == connect.SignedByPrevious && by.at.After(in.UpdatedAt.Add(connect.Leeway))
}

// reinstall rotates the secret and brings a tombstone back.
func reinstall(in installation.Installation, by grant, event connect.Event) (installation.Installation, bool) {
	if by.at.Before(in.EventAt) {
		return in, false
	}
	next := in
	next.State, next.SharedSecret, next.Principal, next.EventAt = installation.Installed, event.SharedSecret, principal(event), by.at
	same := in.State == next.State && in.SharedSecret.Equal(next.SharedSecret) && in.Principal == next.Principal
	return next, !same
}

// uninstall leaves a tombstone: the next install is signed with its secret.
func uninstall(in installation.Installation, by grant, _ connect.Event) (installation.Installation, bool) {
	// Signed with a secret that an install has replaced since: it is older than
	// that install, whatever the clocks say.
	stale := by.signedBy == connect.SignedByPrevious || by.at.Before(in.EventAt)
	if stale || in.State == installation.Uninstalled {
		return in, false
	}
	in.State, in.EventAt = installation.Uninstalled, by.at
	return in, true
}

func principal(event connect.Event) installation.Principal {
	return installation.Principal{UUID: event.Principal.UUID, Type: event.Principal.Type, DisplayName: event.Principal.DisplayName}
}
