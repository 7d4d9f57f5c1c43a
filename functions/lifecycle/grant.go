package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/linkersync/linkersync/functions/internal/answer"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

// grant is the permission to act on one event. Only authorize makes one, and
// nothing that touches the store can be called without: "answered 401 and went
// on" does not compile.
type grant struct {
	// clientKey is the installation that the sender proved to speak for.
	clientKey string
	// delivery identifies this delivery, so that the same one twice is a no-op.
	delivery string
	// at is when Bitbucket made the event, by its clock; zero for an unsigned one.
	at time.Time
	// signedBy is the secret it was signed with; zero for a proven first install.
	signedBy connect.SignedBy
}

// authorize decides whether the event is Bitbucket's: signed with a secret of the
// installation, signed with the app's own secret, or, for an installation that
// was never seen, proven by a call to Bitbucket with the offered secret.
func (h *handler) authorize(ctx context.Context, request connect.Request, requestID string, event *connect.Event) (grant, error) {
	appSecret, err := h.appSecret.get(ctx)
	if err != nil {
		return grant{}, fmt.Errorf("%w: app-level secret: %w", answer.ErrTryLater, err)
	}
	if !carriesToken(request) {
		return h.authorizeFirst(ctx, appSecret, requestID, *event)
	}
	verifier := h.verifier
	verifier.AppSecret = appSecret
	verified, err := verifier.Verify(ctx, request)
	if err != nil {
		return grant{}, err
	}
	if verified.ClientKey() != event.ClientKey {
		return grant{}, fmt.Errorf("%w: the token is for another installation than the body", connect.ErrUnauthenticated)
	}
	if event.Type == connect.EventInstalled && event.SharedSecret.IsZero() {
		// Bitbucket leaves it out for personal accounts; a registered app's own
		// secret signs for every installation anyway.
		if verified.SignedBy() != connect.SignedByApp {
			return grant{}, connect.ErrNoSharedSecret
		}
		event.SharedSecret = appSecret
	}
	sum := sha256.Sum256([]byte(request.Authorization))
	return grant{
		clientKey: verified.ClientKey(), delivery: hex.EncodeToString(sum[:]),
		at: verified.IssuedAt(), signedBy: verified.SignedBy(),
	}, nil
}

// authorizeFirst decides on an unsigned event. Only a first install may be one,
// only of an app that is not registered, and only after the proof.
func (h *handler) authorizeFirst(ctx context.Context, appSecret redact.Secret, requestID string, event connect.Event) (grant, error) {
	if event.Type != connect.EventInstalled || !appSecret.IsZero() {
		return grant{}, fmt.Errorf("%w: no token", connect.ErrUnauthenticated)
	}
	if event.SharedSecret.IsZero() {
		return grant{}, connect.ErrNoSharedSecret
	}
	_, err := h.lifecycle.store.Get(ctx, event.ClientKey)
	switch {
	case err == nil:
		// Known, installed or not: Bitbucket signs every further install.
		return grant{}, fmt.Errorf("%w: unsigned install of a known installation", connect.ErrUnauthenticated)
	case errors.Is(err, installation.ErrPendingDeletion):
		return grant{}, fmt.Errorf("%w: unsigned install of a purged installation", connect.ErrUnauthenticated)
	case !errors.Is(err, installation.ErrNotFound):
		return grant{}, fmt.Errorf("%w: %w", answer.ErrTryLater, err)
	}
	if err := h.lifecycle.checkAllowed(event); err != nil {
		return grant{}, err
	}
	if err := h.prover.prove(ctx, event); err != nil {
		return grant{}, err
	}
	return grant{clientKey: event.ClientKey, delivery: "first:" + requestID}, nil
}

// appSecretLife is how long the app-level secret is used before it is read again,
// so that a rotated one is noticed without a deployment.
const appSecretLife = 5 * time.Minute

// appSecretSource reads the registered app's secret when it is first needed and
// keeps it for a while. Without a reference there is none.
type appSecretSource struct {
	reference manifest.Reference
	resolver  manifest.Resolver

	mu     sync.Mutex
	value  redact.Secret
	readAt time.Time
}

func (s *appSecretSource) get(ctx context.Context) (redact.Secret, error) {
	if s.reference == (manifest.Reference{}) {
		return redact.Secret{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.value.IsZero() && time.Since(s.readAt) < appSecretLife {
		return s.value, nil
	}
	value, err := s.resolver.Resolve(ctx, s.reference)
	if err != nil {
		if !s.value.IsZero() {
			return s.value, nil // the one we have is at most one rotation old
		}
		return redact.Secret{}, err
	}
	s.value, s.readAt = value, time.Now()
	return value, nil
}
