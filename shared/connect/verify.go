package connect

import (
	"context"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// Limits of what [Verifier.Verify] accepts.
const (
	// MaxTokenLength is the longest accepted token, in bytes. Bitbucket's have
	// about 400; API Gateway caps all headers together at 10 KiB.
	MaxTokenLength = 8 << 10
	// Leeway is how far Bitbucket's clock may be off from ours. Tokens issued a few
	// seconds in our future are seen in practice.
	Leeway = 60 * time.Second
	// DefaultMaxLifetime caps exp minus iat, because until exp whoever has seen a
	// token can send it again. Bitbucket's live for one hour; a day leaves room for
	// that to change without cutting every installation off.
	DefaultMaxLifetime = 24 * time.Hour
)

// Request is what verification needs of an HTTP request, whatever carried it.
type Request struct {
	// Method is the HTTP method.
	Method string
	// RawPath is the path as it was on the wire, not decoded, with any base path or
	// stage prefix. RawQuery is what follows the question mark.
	RawPath, RawQuery string
	// Authorization is the value of that header. Several values are joined with a
	// comma, as API Gateway does, and then refused.
	Authorization string
}

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
	// the secret. It bounds itself, to about once a minute for one client key, since
	// anybody can cause a call by sending garbage; in between it answers as Secrets.
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

// Verified is the proof that Bitbucket sent a request. Only [Verifier.Verify]
// makes one; the zero value names no client key.
type Verified struct {
	clientKey string
	signedBy  SignedBy
	issuedAt  time.Time
}

// ClientKey is the installation that the request is for: the token's issuer, and
// nothing else in it.
func (v Verified) ClientKey() string { return v.clientKey }

// SignedBy tells which secret the token was signed with.
func (v Verified) SignedBy() SignedBy { return v.signedBy }

// IssuedAt is when Bitbucket made the token, by its clock, in whole seconds. It
// orders events that arrive out of order.
func (v Verified) IssuedAt() time.Time { return v.issuedAt }

// Verifier verifies requests that Bitbucket sends to the app. It is safe for
// concurrent use as long as its fields are left alone.
type Verifier struct {
	// AppKey is our app. A token whose client key names another app is refused
	// before its secret is looked up.
	AppKey string
	// BasePath is the path of the descriptor's baseUrl, such as "/prod"; empty for
	// none. Bitbucket hashes the path below it.
	BasePath string
	// Source knows the installations' secrets.
	Source SecretSource
	// AppSecret is the secret of a registered app, empty for one that is installed by
	// its descriptor's URL. Requests signed with it verify for every client key.
	AppSecret redact.Secret
	// MaxLifetime caps exp minus iat; 0 means [DefaultMaxLifetime].
	MaxLifetime time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Verify proves that Bitbucket sent r, for an installation of ours, to this very
// method, path and query. Every refusal is an [*AuthError]; an error that wraps
// [ErrUnavailable] means that the secrets could not be read.
func (v *Verifier) Verify(ctx context.Context, r Request) (Verified, error) {
	return Verified{}, &AuthError{Reason: ReasonNoToken}
}
