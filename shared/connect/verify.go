package connect

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// Limits of the tokens that [Verifier] accepts.
const (
	// MaxTokenLength is in bytes. Bitbucket's tokens have about 400; API Gateway caps
	// all headers together at 10 KiB.
	MaxTokenLength = 4 << 10
	// Leeway is how far Bitbucket's clock may be off from ours. Tokens that were
	// issued a few seconds in our future are seen in practice.
	Leeway = 60 * time.Second
	// DefaultMaxLifetime caps exp minus iat, because a token that leaks can be sent
	// again until exp. Bitbucket's tokens live for one hour. A day leaves room for a
	// change of that.
	DefaultMaxLifetime = 24 * time.Hour
)

// Secrets are the secrets that an installation's requests may be signed with. The zero
// value is for an installation that is not known.
type Secrets struct {
	// Current is the shared secret of the latest install.
	Current redact.Secret
	// Previous is the shared secret before it, empty if there was none. Requests that
	// were signed just before a rotation still verify with it.
	Previous redact.Secret
	// App is the secret of a registered app, empty for an app that is installed by its
	// descriptor's URL. A registered app's first install is signed with it, so it also
	// verifies requests of installations that are not known.
	App redact.Secret
}

// SignedBy tells which secret a request was signed with.
type SignedBy int

// The secrets a request can be signed with. The zero value is none of them.
const (
	SignedByCurrent  SignedBy = iota + 1 // [Secrets.Current]
	SignedByPrevious                     // [Secrets.Previous]
	SignedByApp                          // [Secrets.App]
)

// String returns "current", "previous", "app" or "nothing".
func (s SignedBy) String() string {
	switch s {
	case SignedByCurrent:
		return "current"
	case SignedByPrevious:
		return "previous"
	case SignedByApp:
		return "app"
	default:
		return "nothing"
	}
}

// Verified is the proof that Bitbucket sent a request. Only [Verifier.Verify]
// makes one; the zero value names no client key.
type Verified struct {
	clientKey string
	signedBy  SignedBy
	issuedAt  time.Time
}

// ClientKey is the installation that the request is for: the token's issuer.
func (v Verified) ClientKey() string { return v.clientKey }

// SignedBy tells which secret the token was signed with.
func (v Verified) SignedBy() SignedBy { return v.signedBy }

// IssuedAt is when Bitbucket made the token, by its clock, in whole seconds. It
// orders events that arrive out of order.
func (v Verified) IssuedAt() time.Time { return v.issuedAt }

// Verifier verifies requests that Bitbucket sends to the app. It is safe for
// concurrent use as long as its fields are not changed.
type Verifier struct {
	// AppKey is our app. A token whose client key names another app is refused
	// before any secret is needed.
	AppKey string
	// BasePath is the path of the descriptor's baseUrl as it is on the wire, such as
	// "/prod"; empty for none. Bitbucket hashes the path below it.
	BasePath string
	// MaxLifetime caps exp minus iat; 0 means [DefaultMaxLifetime].
	MaxLifetime time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Parse reads the token of r: its form, its algorithm, and whether its client key can
// be an installation of this app. It verifies nothing. Every error is an [*AuthError].
func (v *Verifier) Parse(r Request) (Token, error) {
	raw, reason := r.token()
	if reason != "" {
		return Token{}, refuse(reason, Token{})
	}
	t, reason := parseToken(raw)
	if reason != "" {
		return Token{}, refuse(reason, t)
	}
	t.claims.issuer = CanonicalClientKey(t.claims.issuer)
	_, appKey, namesApp := ClientKeyWorkspace(t.claims.issuer)
	if !validClientKey(t.claims.issuer) || namesApp && appKey != v.AppKey {
		return Token{}, refuse(ReasonIssuer, t)
	}
	t.request = r
	return t, nil
}

// Verify proves that Bitbucket sent the token's request, for the installation whose
// secrets these are, to this very method, path and query, and not long ago. Every
// error is an [*AuthError]. After [ErrSignature] a caller with cached secrets reads
// them again: another process may have rotated them.
func (v *Verifier) Verify(t Token, secrets Secrets) (Verified, error) {
	by := secrets.signer(t)
	if by == 0 {
		if secrets.Current.IsZero() && secrets.Previous.IsZero() {
			return Verified{}, refuse(ReasonUnknownTenant, t)
		}
		return Verified{}, refuse(ReasonSignature, t)
	}
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	if reason := v.checkTimes(t.claims, now().Unix()); reason != "" {
		return Verified{}, refuse(reason, t)
	}
	if reason := v.checkHash(t.claims.hash, t.request); reason != "" {
		return Verified{}, refuse(reason, t)
	}
	return Verified{
		clientKey: t.claims.issuer,
		signedBy:  by,
		issuedAt:  time.Unix(t.claims.issuedAt.seconds, 0).UTC(),
	}, nil
}

// signer returns 0 when t is signed with none of the secrets. The app's comes last,
// because a registered app's installations may have the same secret.
func (s Secrets) signer(t Token) SignedBy {
	switch {
	case t.isSignedWith(s.Current):
		return SignedByCurrent
	case t.isSignedWith(s.Previous):
		return SignedByPrevious
	case t.isSignedWith(s.App):
		return SignedByApp
	}
	return 0
}

// checkTimes takes now in seconds since 1970, as the claims are.
func (v *Verifier) checkTimes(c claims, now int64) Reason {
	const leeway = int64(Leeway / time.Second)
	maxLifetime := DefaultMaxLifetime
	if v.MaxLifetime != 0 {
		maxLifetime = v.MaxLifetime
	}
	issued, expires := c.issuedAt.seconds, c.expiresAt.seconds
	switch {
	case !c.issuedAt.valid || !c.expiresAt.valid || expires <= issued || c.notBefore.present && !c.notBefore.valid:
		return ReasonTimes
	case expires-issued > int64(maxLifetime/time.Second):
		return ReasonLifetime
	case now >= expires+leeway:
		return ReasonExpired
	case now < issued-leeway || now < c.notBefore.seconds-leeway:
		return ReasonNotYetValid
	}
	return ""
}

// checkHash compares the token's hash with the request's. The constant context-qsh,
// which tokens for pages carry, is no hash and never matches.
func (v *Verifier) checkHash(hash string, r Request) Reason {
	want := queryStringHash(r.Method, r.RawPath, r.RawQuery, v.BasePath)
	switch {
	case hash == "":
		return ReasonNoHash
	case subtle.ConstantTimeCompare(want[:], []byte(hash)) != 1:
		return ReasonWrongHash
	}
	return ""
}

// refuse names the token's issuer by a hash: an issuer that is not verified is
// whatever the sender wrote.
func refuse(reason Reason, t Token) error {
	refused := &AuthError{Reason: reason}
	if t.claims.issuer != "" {
		sum := sha256.Sum256([]byte(t.claims.issuer))
		refused.IssuerHash = hex.EncodeToString(sum[:6])
	}
	return refused
}
