package installation

import (
	"context"
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/shared/connect"
)

// SecretSource lets connect verify requests with the secrets of a [Store]. A
// tombstone's secrets count: Bitbucket signs the next install with them.
type SecretSource struct{ Store Store }

var _ connect.SecretSource = SecretSource{}

// Secrets implements [connect.SecretSource].
func (s SecretSource) Secrets(ctx context.Context, clientKey string) (connect.Secrets, error) {
	return secretsOf(s.Store.Get(ctx, clientKey))
}

// Reread implements [connect.SecretSource].
func (s SecretSource) Reread(ctx context.Context, clientKey string) (connect.Secrets, error) {
	return secretsOf(s.Store.Reread(ctx, clientKey))
}

func secretsOf(in Installation, err error) (connect.Secrets, error) {
	switch {
	// A purged installation is unknown too: its secret can't be read any more.
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrPendingDeletion):
		return connect.Secrets{}, fmt.Errorf("%w: %w", connect.ErrUnknownTenant, err)
	case err != nil:
		return connect.Secrets{}, err
	}
	return connect.Secrets{Current: in.SharedSecret, Previous: in.PreviousSecret}, nil
}
