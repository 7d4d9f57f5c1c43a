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

// SecretSource knows the secrets of the installations. Both methods return an
// error that wraps [ErrUnknownTenant] for a client key they have never seen;
// any other error means that nothing is known.
type SecretSource interface {
	// Secrets may answer from a cache.
	Secrets(ctx context.Context, clientKey string) (Secrets, error)
	// Reread answers past the cache, because another process may just have rotated
	// the secret or created the installation. It bounds itself, to about once a
	// minute for one client key, since anybody can cause a call by sending garbage;
	// in between it answers as Secrets does.
	Reread(ctx context.Context, clientKey string) (Secrets, error)
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

// signer finds the secret that t is signed with. The app's secret comes after the
// installation's, because a registered app's may be equal to it.
func (v *Verifier) signer(ctx context.Context, t token) (SignedBy, error) {
	secrets, _, err := lookUp(ctx, v.Source.Secrets, t.claims.issuer)
	if err != nil {
		return 0, err
	}
	if by := secrets.signer(t); by != 0 {
		return by, nil
	}
	if t.isSignedWith(v.AppSecret) {
		return SignedByApp, nil
	}
	reread, known, err := lookUp(ctx, v.Source.Reread, t.claims.issuer)
	if err != nil {
		return 0, err
	}
	// Most rereads bring nothing new; then garbage costs no second round.
	if !reread.equal(secrets) {
		if by := reread.signer(t); by != 0 {
			return by, nil
		}
	}
	if !known {
		return 0, refuse(ReasonUnknownTenant)
	}
	return 0, refuse(ReasonSignature)
}

// lookUp returns empty secrets, with which nothing is signed, for an unknown tenant.
func lookUp(
	ctx context.Context, source func(context.Context, string) (Secrets, error), clientKey string,
) (secrets Secrets, known bool, err error) {
	secrets, err = source(ctx, clientKey)
	switch {
	case errors.Is(err, ErrUnknownTenant):
		return Secrets{}, false, nil
	case err != nil:
		return Secrets{}, false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return secrets, true, nil
}

// signer returns 0 when t is signed with neither secret.
func (s Secrets) signer(t token) SignedBy {
	switch {
	case t.isSignedWith(s.Current):
		return SignedByCurrent
	case t.isSignedWith(s.Previous):
		return SignedByPrevious
	default:
		return 0
	}
}

func (s Secrets) equal(other Secrets) bool {
	return s.Current.Equal(other.Current) && s.Previous.Equal(other.Previous)
}
