package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
)

// lifecycle keeps the installations as Bitbucket's events say. It acts only on a
// grant.
type lifecycle struct {
	store     installation.Store
	prover    *prover
	firstSync firstSync
	log       *slog.Logger
}

// take applies an event. Every path is safe to repeat: a delivery that was applied
// before changes nothing. ErrConflict asks for a new grant: the state that the
// event was verified against is not in force any more.
func (l *lifecycle) take(ctx context.Context, by grant) error {
	switch by.event.Type {
	case connect.EventInstalled:
		if err := l.install(ctx, by); err != nil {
			return raced(err)
		}
		// The installation is kept, so the event succeeded whatever becomes of this:
		// drift repair finds a workspace that missed its first sync.
		if err := l.firstSync.queueFor(ctx, by.event.ClientKey); err != nil {
			l.log.ErrorContext(ctx, "first sync not queued, drift repair will make up for it", slog.String("error", err.Error()))
		}
		return nil
	case connect.EventUninstalled:
		return raced(l.uninstall(ctx, by))
	}
	// Whether Bitbucket sends enabled and disabled is not documented; neither
	// changes who the installation is.
	return nil
}

// raced makes a conflict of an installation that came, or went, since the event was
// verified.
func raced(err error) error {
	if errors.Is(err, installation.ErrExists) || errors.Is(err, installation.ErrNotFound) {
		return fmt.Errorf("%w: %w", installation.ErrConflict, err)
	}
	return err
}

// install stores a first install, rotates the secret, brings a tombstone back.
func (l *lifecycle) install(ctx context.Context, by grant) error {
	if by.isFirst() {
		return l.create(ctx, by)
	}
	if by.signedBy == 0 {
		return nil // a redelivered first install, which repeats what is stored
	}
	in := by.in
	rotates := !in.SharedSecret.Equal(by.event.SharedSecret)
	// A rotation that is signed with the current secret is the next one, whatever
	// the clocks say. To drop it would cut us off from the workspace.
	isNext := rotates && by.signedBy == connect.SignedByCurrent
	if by.at.Before(in.EventAt) && !isNext {
		return nil
	}
	if rotates && by.signedBy == connect.SignedByPrevious {
		var err error
		if in, err = l.rejoin(ctx, by); err != nil {
			return err
		}
	}
	stored, err := l.update(ctx, by, by.delivery, reinstalled(in, by.event))
	if err != nil || stored.SharedSecret.Equal(by.event.SharedSecret) {
		return err
	}
	// The token was used before, with another secret. Either somebody caught it, or
	// Bitbucket installed twice within a second, which makes two tokens alike.
	if err := l.prover.prove(ctx, by.event.ClientKey, by.event.Principal.UUID, by.event.SharedSecret); err != nil {
		return err
	}
	_, err = l.update(ctx, by, by.delivery+" "+by.requestID, reinstalled(stored, by.event))
	return err
}

// reinstalled is what an install makes of an installation.
func reinstalled(in installation.Installation, event connect.Event) installation.Installation {
	in.State, in.SharedSecret, in.Principal = installation.Installed, event.SharedSecret, principal(event)
	return in
}

// create stores a first install. It never overwrites: when another request was
// first, this one has to be authorized as what it is now.
func (l *lifecycle) create(ctx context.Context, by grant) error {
	created, err := l.store.Create(ctx, installation.Installation{
		AppKey: by.event.AppKey, ClientKey: by.event.ClientKey, Principal: principal(by.event),
		State: installation.Installed, SharedSecret: by.event.SharedSecret, EventAt: by.at,
	}, by.delivery)
	if err != nil {
		return err
	}
	l.logKept(ctx, created)
	return nil
}

func (l *lifecycle) logKept(ctx context.Context, in installation.Installation) {
	l.log.InfoContext(ctx, "installation kept", slog.String("state", string(in.State)), slog.String("workspace", in.Principal.UUID))
}

// uninstall leaves a tombstone: the next install is signed with its secret.
func (l *lifecycle) uninstall(ctx context.Context, by grant) error {
	in := by.in
	if by.isFirst() || by.at.Before(in.EventAt) {
		return nil
	}
	if by.signedBy == connect.SignedByPrevious {
		if in.State == installation.Uninstalled {
			return nil
		}
		// As in rejoin: either a rotation overtook the event, or Bitbucket never took
		// the rotated secret.
		inForce, err := l.prover.accepts(ctx, in)
		if err != nil || inForce {
			return err
		}
		in.SharedSecret = in.PreviousSecret
	}
	in.State = installation.Uninstalled
	stored, err := l.update(ctx, by, by.delivery, in)
	if err != nil || stored.State == installation.Uninstalled {
		return err
	}
	// The token was used before, and an install came since. Either it is the first
	// uninstall again, or one in the same second, whose token is the same.
	inForce, err := l.prover.accepts(ctx, stored)
	if err != nil || inForce {
		return err
	}
	stored.State = installation.Uninstalled
	_, err = l.update(ctx, by, by.delivery+" "+by.requestID, stored)
	return err
}

// rejoin decides on an install that is signed with the previous secret. Bitbucket
// signs that way when our answer to the last install got lost, and so does
// whoever got hold of a secret that was replaced: only Bitbucket can tell. Where
// it never took the current secret, the one it still uses is put back first, so
// that the store never forgets that one.
func (l *lifecycle) rejoin(ctx context.Context, by grant) (installation.Installation, error) {
	if err := l.prover.prove(ctx, by.event.ClientKey, by.event.Principal.UUID, by.event.SharedSecret); err != nil {
		return installation.Installation{}, err
	}
	inForce, err := l.prover.accepts(ctx, by.in)
	if err != nil || inForce {
		return by.in, err
	}
	back := by.in
	back.SharedSecret = back.PreviousSecret
	return l.store.Update(ctx, back, by.delivery+" puts back "+by.requestID)
}

// update writes also what seems to be so already: the state at hand may come from
// the cache, and the event's time is news in any case. Redeliveries are the
// store's to know; they write nothing.
func (l *lifecycle) update(ctx context.Context, by grant, delivery string, next installation.Installation) (installation.Installation, error) {
	next.EventAt = later(by.at, next.EventAt)
	stored, err := l.store.Update(ctx, next, delivery)
	if err == nil {
		l.logKept(ctx, stored)
	}
	return stored, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func principal(event connect.Event) installation.Principal {
	return installation.Principal{UUID: event.Principal.UUID, Type: event.Principal.Type, DisplayName: event.Principal.DisplayName}
}
