package connect

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// Limits of what [Verifier.Verify] accepts.
const (
	// MaxTokenLength is the longest accepted token, in bytes. Bitbucket's have
	// about 400; API Gateway caps all headers together at 10 KiB.
	MaxTokenLength = 4 << 10
	// Leeway is how far Bitbucket's clock may be off from ours. Tokens that were
	// issued a few seconds in our future are seen in practice.
	Leeway = 60 * time.Second
	// DefaultMaxLifetime caps exp minus iat, because whoever has seen a token can
	// send it again until exp. Bitbucket's live for one hour; a day leaves room for
	// that to change without cutting every installation off.
	DefaultMaxLifetime = 24 * time.Hour
)

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
	// its descriptor's URL. What is signed with it verifies for every client key.
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
	raw, reason := r.token()
	if reason != "" {
		return Verified{}, refuse(reason)
	}
	t, reason := parseToken(raw)
	if reason != "" {
		return Verified{}, refuse(reason)
	}
	by, err := v.authenticate(ctx, t)
	if err == nil {
		err = v.checkHash(t.claims.hash, r)
	}
	if err != nil {
		return Verified{}, withIssuer(err, t.claims.issuer)
	}
	return Verified{
		clientKey: t.claims.issuer,
		signedBy:  by,
		issuedAt:  time.Unix(t.claims.issuedAt.seconds, 0).UTC(),
	}, nil
}

// authenticate finds out whose token it is, who signed it, and whether it is valid now.
func (v *Verifier) authenticate(ctx context.Context, t token) (SignedBy, error) {
	if !validClientKey(t.claims.issuer) {
		return 0, refuse(ReasonIssuer)
	}
	if _, appKey, ok := ClientKeyWorkspace(t.claims.issuer); ok && appKey != v.AppKey {
		return 0, refuse(ReasonIssuer)
	}
	by, err := v.signer(ctx, t)
	if err != nil {
		return 0, err
	}
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	at := now()
	if reason := v.checkTimes(t.claims, at.Unix()); reason != "" {
		return 0, refuse(reason)
	}
	if !t.isConfirmed(at) {
		return 0, refuse(ReasonMalformed)
	}
	return by, nil
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

// checkHash ties the token to the request it came with. The constant context-qsh,
// which tokens for pages carry, is no hash and so never matches.
func (v *Verifier) checkHash(hash string, r Request) error {
	if hash == "" {
		return refuse(ReasonNoHash)
	}
	want := queryStringHash(r.Method, r.RawPath, r.RawQuery, v.BasePath)
	if subtle.ConstantTimeCompare(want[:], []byte(hash)) != 1 {
		return refuse(ReasonWrongHash)
	}
	return nil
}

func refuse(reason Reason) error { return &AuthError{Reason: reason} }

// withIssuer notes in a refusal whose token it was, without naming anybody: an
// issuer is whatever the sender wrote.
func withIssuer(err error, issuer string) error {
	var refused *AuthError
	if errors.As(err, &refused) && issuer != "" {
		sum := sha256.Sum256([]byte(issuer))
		refused.IssuerHash = hex.EncodeToString(sum[:6])
	}
	return err
}
