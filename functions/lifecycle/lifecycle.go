package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
)

// lifecycle keeps the installations as Bitbucket's events say. It acts only on an
// authorization.
type lifecycle struct {
	store     installation.Store
	prover    *prover
	firstSync firstSync
	log       *slog.Logger
}

// apply applies an event. Every path is safe to repeat: a delivery that was applied
// before changes nothing. ErrConflict asks for a new authorization: the state that
// the event was verified against is not in force any more.
func (l *lifecycle) apply(ctx context.Context, by authorization) error {
	switch by.event.Type {
	case connect.EventInstalled:
		if err := l.install(ctx, by); err != nil {
			return raced(err)
		}
		// The installation is stored, so the event succeeded. Drift repair finds a
		// workspace that missed its first sync.
		if err := l.firstSync.queueFor(ctx, by.event.ClientKey); err != nil {
			l.log.ErrorContext(ctx, "first sync not queued, drift repair will make up for it", slog.String("error", err.Error()))
		}
		return nil
	case connect.EventUninstalled:
		return raced(l.uninstall(ctx, by))
	}
	// Bitbucket doesn't document enabled and disabled. Neither changes an installation.
	return nil
}

// raced turns an installation that was created or deleted since the event was
// verified into a conflict.
func raced(err error) error {
	if errors.Is(err, installation.ErrExists) || errors.Is(err, installation.ErrNotFound) {
		return fmt.Errorf("%w: %w", installation.ErrConflict, err)
	}
	return err
}

// install stores a first install, rotates the secret, or brings a tombstone back.
func (l *lifecycle) install(ctx context.Context, by authorization) error {
	if by.isFirst() {
		return l.create(ctx, by)
	}
	if by.signedBy == 0 {
		return nil // a redelivered first install, which repeats what is stored
	}
	// A rotation that is signed with the current secret is the next one, whatever
	// the clocks say. To drop it would cut us off from the workspace.
	if by.isOvertaken() && (!by.rotates() || by.signedBy != connect.SignedByCurrent) {
		return nil
	}
	in := by.in
	if by.signedBy == connect.SignedByPrevious {
		var err error
		var late bool
		if in, late, err = l.reinstall(ctx, by); err != nil || late {
			return err
		}
	}
	stored, err := l.update(ctx, by, by.delivery, in, installedAs(in, by.event))
	if err != nil || stored.SharedSecret.Equal(by.event.SharedSecret) {
		return err
	}
	// The token was used before, with another secret. Either it was stolen, or
	// Bitbucket installed twice within a second, which makes two tokens alike.
	if err := l.prover.prove(ctx, by.event); err != nil {
		return err
	}
	_, err = l.update(ctx, by, by.delivery+" "+by.requestID, stored, installedAs(stored, by.event))
	return err
}

// installedAs is what an install makes of an installation.
func installedAs(in installation.Installation, event connect.Event) installation.Installation {
	in.State, in.SharedSecret, in.Principal = installation.Installed, event.SharedSecret, principal(event)
	return in
}

// create stores a first install. It never overwrites: when another request was
// first, this one has to be authorized anew.
func (l *lifecycle) create(ctx context.Context, by authorization) error {
	next := installedAs(installation.Installation{AppKey: by.event.AppKey, ClientKey: by.event.ClientKey}, by.event)
	created, err := l.store.Create(ctx, by.timed(installation.Installation{}, next), by.delivery)
	if err != nil {
		return err
	}
	l.logStored(ctx, created)
	return nil
}

func (l *lifecycle) logStored(ctx context.Context, in installation.Installation) {
	l.log.InfoContext(ctx, "installation stored", slog.String("state", string(in.State)), slog.String("workspace", string(in.Principal.UUID)))
}

// uninstall leaves a tombstone: the next install is signed with its secret.
func (l *lifecycle) uninstall(ctx context.Context, by authorization) error {
	in := by.in
	if by.isFirst() || by.isOvertaken() {
		return nil
	}
	if by.signedBy == connect.SignedByPrevious {
		if in.State == installation.Uninstalled {
			return nil
		}
		// As in reinstall: either a rotation overtook the event, or Bitbucket never took
		// the rotated secret.
		inForce, err := l.prover.inForce(ctx, in)
		if err != nil || inForce {
			return err
		}
		in.SharedSecret = in.PreviousSecret
	}
	in.State = installation.Uninstalled
	stored, err := l.update(ctx, by, by.delivery, by.in, in)
	if err != nil || stored.State == installation.Uninstalled {
		return err
	}
	// The token was used before, and an install came since. Either it is the first
	// uninstall again, or one in the same second, whose token is the same.
	inForce, err := l.prover.inForce(ctx, stored)
	if err != nil || inForce {
		return err
	}
	next := stored
	next.State = installation.Uninstalled
	_, err = l.update(ctx, by, by.delivery+" "+by.requestID, stored, next)
	return err
}

// reinstall decides on an install that is signed with the previous secret. Bitbucket
// signs that way when our answer to the last install was lost, and so does the
// holder of a secret that was replaced: only Bitbucket can tell. late says that the
// install changes nothing. Where Bitbucket never took the current secret, the one
// it still uses is put back first, so that the store never forgets that one.
func (l *lifecycle) reinstall(ctx context.Context, by authorization) (in installation.Installation, late bool, err error) {
	if !by.rotates() {
		// The install that brought the current secret comes again.
		if by.in.State == installation.Installed {
			return by.in, false, nil
		}
		inForce, err := l.prover.inForce(ctx, by.in)
		return by.in, !inForce, err
	}
	if err := l.prover.prove(ctx, by.event); err != nil {
		return by.in, false, err
	}
	inForce, err := l.prover.inForce(ctx, by.in)
	if err != nil || inForce {
		return by.in, false, err
	}
	back := by.in
	back.SharedSecret, back.SignedAt = back.PreviousSecret, back.EventAt
	in, err = l.store.Update(ctx, back, by.delivery+" puts back "+by.requestID)
	return in, false, err
}

// update writes also what seems to be so already: the state at hand may come from
// the cache, and the event's time is new in any case. The store knows redeliveries
// and writes nothing for them.
func (l *lifecycle) update(ctx context.Context, by authorization, delivery string, from, next installation.Installation) (installation.Installation, error) {
	stored, err := l.store.Update(ctx, by.timed(from, next), delivery)
	if err == nil {
		l.logStored(ctx, stored)
	}
	return stored, err
}

func principal(event connect.Event) installation.Principal {
	return installation.Principal{UUID: event.Principal.UUID, Type: event.Principal.Type, DisplayName: event.Principal.DisplayName}
}
