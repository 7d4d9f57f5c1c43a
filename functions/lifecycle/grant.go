package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linkersync/linkersync/functions/internal/answer"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// grant is the permission to act on one event. Only gate.authorize makes one, and
// nothing that touches the store can be called without: "answered 401 and went
// on" does not compile.
type grant struct {
	event connect.Event
	// in is the state whose secret verified the event; it has no client key when
	// the installation was never seen. A write is conditional on it.
	in installation.Installation
	// delivery identifies the callback, so that the same one twice is a no-op.
	delivery string
	// requestID identifies this request, so that no other is a repetition of it.
	requestID string
	// at is when Bitbucket made the event, by its clock; zero for an unsigned one.
	at time.Time
	// signedBy is the secret it was signed with; zero for an unsigned install.
	signedBy connect.SignedBy
}

func (g grant) isFirst() bool { return g.in.ClientKey == "" }

// gate decides who may act.
type gate struct {
	verifier  connect.Verifier
	store     installation.Store
	appSecret *appSecretSource
	prover    *prover
	// allowed are the workspaces that may install, empty for any.
	allowed []string
}

// authorize decides whether the event is Bitbucket's: signed with a secret of the
// installation, signed with the app's own secret, or, for an installation that
// was never seen, proven by a call to Bitbucket with the offered secret.
func (g *gate) authorize(ctx context.Context, sent callback) (grant, error) {
	appSecret, err := g.appSecret.get(ctx)
	if err != nil {
		return grant{}, fmt.Errorf("%w: app-level secret: %w", answer.ErrTryLater, err)
	}
	if !sent.carriesToken() {
		event, err := sent.event(g.verifier.AppKey)
		if err != nil {
			return grant{}, err
		}
		return g.authorizeUnsigned(ctx, appSecret, sent.requestID, event)
	}
	seen := &witness{Store: g.store}
	verifier := g.verifier
	verifier.Source, verifier.AppSecret = installation.SecretSource{Store: seen}, appSecret
	// Before the body is looked at: a forged token costs no more than its refusal.
	verified, err := verifier.Verify(ctx, sent.request)
	if err != nil {
		return grant{}, err
	}
	event, err := sent.event(g.verifier.AppKey)
	if errors.Is(err, connect.ErrNoSharedSecret) && !appSecret.IsZero() {
		// Bitbucket leaves it out for personal accounts. A registered app's own secret
		// signs for every installation anyway.
		event.SharedSecret, err = appSecret, nil
	}
	switch {
	case err != nil:
		return grant{}, err
	case verified.ClientKey() != event.ClientKey:
		return grant{}, fmt.Errorf("%w: the token is for another installation than the body", connect.ErrUnauthenticated)
	case event.Type == connect.EventInstalled && !g.allows(event):
		return grant{}, fmt.Errorf("%w: %s", answer.ErrNotAllowed, event.Principal.UUID)
	}
	return grant{
		event: event, in: seen.in, delivery: sent.delivery(), requestID: sent.requestID,
		at: verified.IssuedAt(), signedBy: verified.SignedBy(),
	}, nil
}

// authorizeUnsigned decides on an event without a token. Only a first install may
// come without, only of an app that is not registered, and only after the proof.
// What can be refused without a call is refused first.
func (g *gate) authorizeUnsigned(ctx context.Context, appSecret redact.Secret, requestID string, event connect.Event) (grant, error) {
	_, _, namesWorkspace := connect.ClientKeyWorkspace(event.ClientKey)
	switch {
	case event.Type != connect.EventInstalled || !appSecret.IsZero():
		return grant{}, fmt.Errorf("%w: no token", connect.ErrUnauthenticated)
	case !namesWorkspace:
		// A key of an old form can't be tied to the principal. New installations never
		// have one.
		return grant{}, fmt.Errorf("%w: first install with a client key that names no workspace", connect.ErrUnauthenticated)
	case !g.allows(event):
		return grant{}, fmt.Errorf("%w: %s", answer.ErrNotAllowed, event.Principal.UUID)
	}
	in, err := g.store.Get(ctx, event.ClientKey)
	switch {
	case err == nil && in.State == installation.Installed && in.SharedSecret.Equal(event.SharedSecret):
		// The first install again: whoever knows the secret could have signed.
		return grant{event: event, in: in}, nil
	case err == nil:
		// Known, in whatever state: Bitbucket signs every further install.
		return grant{}, fmt.Errorf("%w: %s is known, and the install is unsigned: it is forged, unless our answer to the first install was lost; %s",
			connect.ErrUnauthenticated, event.Principal.UUID, `see "When an install is refused for good" in SECURITY.md`)
	case errors.Is(err, installation.ErrPendingDeletion):
		return grant{}, fmt.Errorf("%w: %s was purged, and the install is unsigned: %w", connect.ErrUnauthenticated, event.Principal.UUID, err)
	case !errors.Is(err, installation.ErrNotFound):
		return grant{}, fmt.Errorf("%w: %w", answer.ErrTryLater, err)
	}
	if err := g.prover.prove(ctx, event.ClientKey, event.Principal.UUID, event.SharedSecret); err != nil {
		return grant{}, err
	}
	return grant{event: event, delivery: "first:" + requestID, requestID: requestID}, nil
}

func (g *gate) allows(event connect.Event) bool {
	return len(g.allowed) == 0 || slices.Contains(g.allowed, strings.ToLower(event.Principal.UUID))
}

// witness remembers the state that a verification was answered from, so that the
// event is decided on the very state whose secret verified it.
type witness struct {
	installation.Store
	in installation.Installation
}

// Find implements installation.Store.
func (w *witness) Find(ctx context.Context, clientKey string, fits func(installation.Installation) bool) (installation.Installation, error) {
	in, err := w.Store.Find(ctx, clientKey, fits)
	w.in = in
	return in, err
}
