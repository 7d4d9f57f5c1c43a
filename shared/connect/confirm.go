package connect

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// isConfirmed has golang-jwt, made strict, read the whole token and check its times
// once more. What it would let pass has been refused before, so that a token is
// accepted only if two readers agree on it. Only tokens with a good signature get
// here: a flood of bad ones does not pay for the second reading.
func (t token) isConfirmed(now time.Time) bool {
	read := &readClaims{t.claims}
	parsed, _, err := strictParser.ParseUnverified(t.raw, read)
	if err != nil || parsed.Method != jwt.SigningMethodHS256 {
		return false
	}
	validator := jwt.NewValidator(
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
	return validator.Validate(read) == nil
}

// readClaims are the claims as golang-jwt sees them: those that were read already,
// because the ones that it checks have to be the ones that we use.
type readClaims struct{ claims claims }

// UnmarshalJSON reads nothing. encoding/json calls it after it has checked the
// syntax of the claims to the last byte, which eachMember leaves to it.
func (*readClaims) UnmarshalJSON([]byte) error { return nil }

// The methods of jwt.Claims.

func (r *readClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return r.claims.expiresAt.numeric()
}
func (r *readClaims) GetIssuedAt() (*jwt.NumericDate, error)  { return r.claims.issuedAt.numeric() }
func (r *readClaims) GetNotBefore() (*jwt.NumericDate, error) { return r.claims.notBefore.numeric() }
func (r *readClaims) GetIssuer() (string, error)              { return r.claims.issuer, nil }
func (r *readClaims) GetSubject() (string, error)             { return "", nil }
func (r *readClaims) GetAudience() (jwt.ClaimStrings, error)  { return nil, nil }

// numeric returns what golang-jwt's validator expects: nil for a missing claim.
func (d date) numeric() (*jwt.NumericDate, error) {
	if !d.present {
		return nil, nil
	}
	if !d.valid {
		return nil, jwt.ErrInvalidType
	}
	return &jwt.NumericDate{Time: time.Unix(d.seconds, 0)}, nil
}
