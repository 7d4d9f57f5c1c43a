package connect

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/linkersync/linkersync/shared/redact"
)

// Lifetime is how long a token of ours is valid. It leaves time for a slow call and a
// clock that is a minute off, and a token that leaks expires soon.
const Lifetime = 3 * time.Minute

// Signer signs requests to Bitbucket on behalf of one installation. All fields
// but Now are required.
// Source: https://developer.atlassian.com/cloud/bitbucket/understanding-jwt-for-apps/
type Signer struct {
	// AppKey is the key of our app's descriptor (claim iss).
	AppKey string
	// ClientKey is the installation (claim sub).
	ClientKey string
	// Secret is the installation's shared secret.
	Secret redact.Secret
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Sign returns the token for one request. Send it as "Authorization: JWT <token>". It is
// valid for this method, path and query, for [Lifetime].
func (s Signer) Sign(method string, u *url.URL) (redact.Secret, error) {
	switch {
	case s.AppKey == "" || s.ClientKey == "":
		return redact.Secret{}, errors.New("sign request: app key and client key are required")
	case s.Secret.IsZero():
		// Anybody can compute an HMAC with an empty key.
		return redact.Secret{}, fmt.Errorf("sign request for %q: its shared secret is empty", s.ClientKey)
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	issuedAt := now().Unix()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": s.AppKey,
		"sub": s.ClientKey,
		"iat": issuedAt,
		"exp": issuedAt + int64(Lifetime/time.Second),
		// The path includes /2.0: the base is the bare host.
		"qsh": QueryStringHash(method, u.EscapedPath(), u.RawQuery, ""),
	}).SignedString([]byte(s.Secret.Reveal()))
	if err != nil {
		return redact.Secret{}, fmt.Errorf("sign request for %q: %w", s.ClientKey, err)
	}
	return redact.New(signed), nil
}
