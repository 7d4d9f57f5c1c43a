package installation

import (
	"context"
	"fmt"

	"github.com/linkersync/linkersync/shared/connect"
)

// SecretSource lets connect verify requests with the secrets of a [Store]. A
// tombstone's secrets count: Bitbucket signs the next install with them.
type SecretSource struct{ Store Store }

var _ connect.SecretSource = SecretSource{}

// Try implements [connect.SecretSource].
func (s SecretSource) Try(ctx context.Context, clientKey string, signed func(connect.Secrets) bool) error {
	_, err := s.Store.Find(ctx, clientKey, func(in Installation) bool {
		return signed(connect.Secrets{Current: in.SharedSecret, Previous: in.PreviousSecret})
	})
	// A purged installation is unknown too: its secret can't be read any more.
	if isAbsent(err) {
		return fmt.Errorf("%w: %w", connect.ErrUnknownTenant, err)
	}
	return err
}
