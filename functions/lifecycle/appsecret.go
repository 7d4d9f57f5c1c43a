package main

import (
	"context"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

// appSecretLife is how long the app-level secret is used before it is read again,
// so that a rotated one is noticed without a deployment.
const appSecretLife = 5 * time.Minute

// appSecretSource reads the registered app's secret when it is first needed and
// keeps it for a while. Without a reference there is none.
type appSecretSource struct {
	reference manifest.Reference
	resolver  manifest.Resolver
	now       func() time.Time

	mu    sync.Mutex
	value redact.Secret
	until time.Time
}

func newAppSecretSource(reference manifest.Reference, api installation.SecretsManagerAPI, now func() time.Time) *appSecretSource {
	resolver := manifest.Resolver{AWSSecret: func(ctx context.Context, id string) (redact.Secret, error) {
		return installation.ReadSecret(ctx, api, id)
	}}
	return &appSecretSource{reference: reference, resolver: resolver, now: now}
}

// get returns an empty secret only for an app that is not registered: an empty
// one would open the door to unsigned installs, so the resolver refuses it.
func (s *appSecretSource) get(ctx context.Context) (redact.Secret, error) {
	if s.reference == (manifest.Reference{}) {
		return redact.Secret{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.value.IsZero() && s.now().Before(s.until) {
		return s.value, nil
	}
	value, err := s.resolver.Resolve(ctx, s.reference)
	switch {
	case err == nil:
		s.value = value
	case s.value.IsZero():
		return redact.Secret{}, err
	}
	// After a failure the one we have goes on: it is at most one rotation old.
	s.until = s.now().Add(appSecretLife)
	return s.value, nil
}
