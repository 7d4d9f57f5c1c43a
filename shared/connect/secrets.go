package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/shared/redact"
)

// Secrets are what an installation may have signed with.
type Secrets struct {
	// Current is the shared secret of the latest install.
	Current redact.Secret
	// Previous is the one before it, empty if there was none. Requests that were
	// signed just before a rotation still verify with it.
	Previous redact.Secret
}

// SecretSource knows the secrets of the installations.
type SecretSource interface {
	// Try calls signed with the secrets of the client key, which may come from a
	// cache. If it returns false, another process may just have rotated the secret or
	// created the installation: then Try may read them again, and calls signed with
	// what is new. It bounds itself, to one read a minute for one client key, since
	// anybody can cause a call by sending garbage.
	//
	// The error wraps [ErrUnknownTenant] for a client key that was never seen, for
	// which signed is called with empty secrets: the app's own may fit. Any other
	// error means that nothing is known.
	Try(ctx context.Context, clientKey string, signed func(Secrets) bool) error
}

// SignedBy tells which secret a request was signed with.
type SignedBy int

// The secrets a request can be signed with. The zero value is none of them.
const (
	// SignedByCurrent: the installation's current shared secret.
	SignedByCurrent SignedBy = iota + 1
	// SignedByPrevious: the shared secret that was replaced last.
	SignedByPrevious
	// SignedByApp: the app-level secret of a registered app. The installation may
	// be unknown: this is how a registered app's first install is signed.
	SignedByApp
)

// String returns "current", "previous", "app" or "nobody".
func (s SignedBy) String() string {
	switch s {
	case SignedByCurrent:
		return "current"
	case SignedByPrevious:
		return "previous"
	case SignedByApp:
		return "app"
	default:
		return "nobody"
	}
}

// signer finds the secret that t is signed with.
func (v *Verifier) signer(ctx context.Context, t token) (SignedBy, error) {
	var by SignedBy
	err := v.Source.Try(ctx, t.claims.issuer, func(secrets Secrets) bool {
		by = v.signerAmong(secrets, t)
		return by != 0
	})
	unknown := errors.Is(err, ErrUnknownTenant)
	switch {
	case err != nil && !unknown:
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case by != 0:
		return by, nil
	case unknown:
		return 0, refuse(ReasonUnknownTenant)
	}
	return 0, refuse(ReasonSignature)
}

// signerAmong returns 0 when t is signed with none of the secrets. The app's comes
// after the installation's, because a registered app's may be equal to it.
func (v *Verifier) signerAmong(secrets Secrets, t token) SignedBy {
	switch {
	case t.isSignedWith(secrets.Current):
		return SignedByCurrent
	case t.isSignedWith(secrets.Previous):
		return SignedByPrevious
	case t.isSignedWith(v.AppSecret):
		return SignedByApp
	}
	return 0
}
