package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

// appSecretLife is how long the app-level secret is used before it is read again,
// so that a rotated one is noticed without a deployment.
const appSecretLife = 5 * time.Minute

// failuresPerSecond and failureBurst bound the failed reads, each with the retries
// of the client: every request needs the secret, forged ones too.
const failuresPerSecond, failureBurst = 0.1, 5

// appSecretSource reads the registered app's secret when it is first needed and
// keeps it for a while. Without a reference there is none.
type appSecretSource struct {
	reference manifest.Reference
	resolver  manifest.Resolver
	now       func() time.Time

	mu    sync.Mutex
	value redact.Secret
	until time.Time
	// failures is the budget of failed reads, failure the error of the last one.
	failures *rate.Limiter
	failure  error
}

func newAppSecretSource(reference manifest.Reference, api installation.SecretsManagerAPI, now func() time.Time) *appSecretSource {
	resolver := manifest.Resolver{AWSSecret: func(ctx context.Context, id string) (redact.Secret, error) {
		return installation.ReadSecret(ctx, api, id)
	}}
	return &appSecretSource{reference: reference, resolver: resolver, now: now, failures: rate.NewLimiter(failuresPerSecond, failureBurst)}
}

// get returns an empty secret only for an app that is not registered. The resolver
// refuses an empty value: with one, unsigned installs would be accepted.
func (s *appSecretSource) get(ctx context.Context) (redact.Secret, error) {
	if s.reference == (manifest.Reference{}) {
		return redact.Secret{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.value.IsZero() && s.now().Before(s.until) {
		return s.value, nil
	}
	if s.failures.TokensAt(s.now()) < 1 {
		return redact.Secret{}, fmt.Errorf("%w; Secrets Manager is not asked again for some seconds", s.failure)
	}
	value, err := s.resolver.Resolve(ctx, s.reference)
	switch {
	case err == nil:
		s.value = value
	case s.value.IsZero():
		s.failures.AllowN(s.now(), 1)
		s.failure = err
		return redact.Secret{}, err
	}
	// After a failure the secret at hand stays in use: it is at most one rotation old.
	s.until = s.now().Add(appSecretLife)
	return s.value, nil
}
