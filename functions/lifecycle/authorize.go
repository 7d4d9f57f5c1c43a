package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkersync/linkersync/functions/internal/answer"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// authorization permits one event to change the store. Only [authorizer.authorize]
// makes one, and nothing that writes can be called without.
type authorization struct {
	event connect.Event
	// in is the state whose secret verified the event. It has no client key when the
	// installation is unknown. A write is conditional on it.
	in installation.Installation
	// delivery identifies the callback. The same delivery twice changes nothing.
	delivery string
	// requestID identifies this HTTP request.
	requestID string
	// at is when Bitbucket made the event, by its clock; zero for an unsigned one.
	at time.Time
	// signedBy and signedWith are the secret that the event was signed with; both are
	// zero for an unsigned install.
	signedBy   connect.SignedBy
	signedWith redact.Secret
}

func (a authorization) isFirst() bool { return a.in.ClientKey == "" }

// authorizer decides which events may change the store.
type authorizer struct {
	verifier  connect.Verifier
	store     installation.Store
	appSecret *appSecretSource
	prover    *prover
	// allowed are the workspaces that may install, empty for any.
	allowed []connect.WorkspaceUUID
}

// authorize decides whether the event is Bitbucket's: signed with a secret of the
// installation, signed with the app's own secret, or, for an unknown installation,
// proven by a call to Bitbucket with the offered secret.
func (a *authorizer) authorize(ctx context.Context, sent callback) (authorization, error) {
	appSecret, err := a.appSecret.get(ctx)
	if err != nil {
		return authorization{}, fmt.Errorf("%w: app-level secret: %w", answer.ErrTryLater, err)
	}
	if !sent.carriesToken() {
		event, err := sent.event(a.verifier.AppKey)
		if err != nil {
			return authorization{}, err
		}
		return a.authorizeUnsigned(ctx, appSecret, sent.requestID, event)
	}
	// The token is verified before the body is read, so a forged token costs little.
	verified, in, err := a.verify(ctx, sent.request, appSecret)
	if err != nil {
		return authorization{}, err
	}
	event, err := sent.event(a.verifier.AppKey)
	if errors.Is(err, connect.ErrNoSharedSecret) && !appSecret.IsZero() {
		// Bitbucket sends no secret for personal accounts. A registered app's own secret
		// signs for every installation anyway.
		event.SharedSecret, err = appSecret, nil
	}
	switch {
	case err != nil:
		return authorization{}, err
	case verified.ClientKey() != event.ClientKey:
		return authorization{}, fmt.Errorf("%w: the token is for another installation than the body", connect.ErrUnauthenticated)
	case event.Type == connect.EventInstalled && !a.allows(event):
		return authorization{}, fmt.Errorf("%w: %s", answer.ErrNotAllowed, event.Principal.UUID)
	}
	return authorization{
		event: event, in: in, delivery: sent.delivery(), requestID: sent.requestID,
		at: verified.IssuedAt(), signedBy: verified.SignedBy(), signedWith: signingSecret(verified.SignedBy(), in, appSecret),
	}, nil
}

// verify finds the installation that the request's token names, and verifies the token
// with its secrets. It returns the state whose secrets decided. A tombstone's secrets
// count: Bitbucket signs the next install with them.
func (a *authorizer) verify(ctx context.Context, request connect.Request, appSecret redact.Secret) (connect.Verified, installation.Installation, error) {
	token, err := a.verifier.Parse(request)
	if err != nil {
		return connect.Verified{}, installation.Installation{}, err
	}
	var verified connect.Verified
	var refused error
	in, err := a.store.Find(ctx, token.ClientKey(), func(in installation.Installation) bool {
		secrets := connect.Secrets{Current: in.SharedSecret, Previous: in.PreviousSecret, App: appSecret}
		verified, refused = a.verifier.Verify(token, secrets)
		return !errors.Is(refused, connect.ErrSignature)
	})
	// The app's own secret also verifies what the store doesn't know.
	if err != nil && !errors.Is(err, installation.ErrNotFound) && !errors.Is(err, installation.ErrPendingDeletion) {
		return connect.Verified{}, in, fmt.Errorf("%w: %w", answer.ErrTryLater, err)
	}
	return verified, in, refused
}

func signingSecret(by connect.SignedBy, in installation.Installation, appSecret redact.Secret) redact.Secret {
	switch by {
	case connect.SignedByCurrent:
		return in.SharedSecret
	case connect.SignedByPrevious:
		return in.PreviousSecret
	}
	return appSecret
}

// authorizeUnsigned decides on an event without a token. Only a first install may
// come without one, and only for an app that is not registered.
//
// Bitbucket is asked about the offered secret before the store is read. So neither
// the answer nor its time tells a stranger which workspaces have the app, and a
// secret that Bitbucket refuses costs no read.
func (a *authorizer) authorizeUnsigned(ctx context.Context, appSecret redact.Secret, requestID string, event connect.Event) (authorization, error) {
	_, _, namesWorkspace := connect.ClientKeyWorkspace(event.ClientKey)
	switch {
	case event.Type != connect.EventInstalled || !appSecret.IsZero():
		return authorization{}, fmt.Errorf("%w: no token", connect.ErrUnauthenticated)
	case !namesWorkspace:
		// A client key of an old form can't be tied to the principal. New installations
		// never have one.
		return authorization{}, fmt.Errorf("%w: first install with a client key that names no workspace", connect.ErrUnauthenticated)
	case !a.allows(event):
		return authorization{}, fmt.Errorf("%w: %s", answer.ErrNotAllowed, event.Principal.UUID)
	}
	if err := a.prover.proveUnsigned(ctx, event); err != nil {
		return authorization{}, err
	}
	in, err := a.store.Get(ctx, event.ClientKey)
	switch {
	case errors.Is(err, installation.ErrNotFound):
		return authorization{event: event, delivery: "first:" + requestID, requestID: requestID}, nil
	case errors.Is(err, installation.ErrPendingDeletion):
		return authorization{}, fmt.Errorf("%w: %s was purged, and the install is unsigned: %w", connect.ErrUnauthenticated, event.Principal.UUID, err)
	case err != nil:
		return authorization{}, fmt.Errorf("%w: %w", answer.ErrTryLater, err)
	case in.State == installation.Installed && in.SharedSecret.Equal(event.SharedSecret):
		// The first install again. The sender knows the secret and could have signed.
		return authorization{event: event, in: in}, nil
	}
	// Known, in whatever state: Bitbucket signs every further install.
	return authorization{}, fmt.Errorf("%w: %s is known, and the install is unsigned. Bitbucket accepts its secret, so our answer to the first install was lost: see %q in SECURITY.md",
		connect.ErrUnauthenticated, event.Principal.UUID, "When an install is refused for good")
}

func (a *authorizer) allows(event connect.Event) bool {
	return len(a.allowed) == 0 || slices.Contains(a.allowed, event.Principal.UUID)
}
