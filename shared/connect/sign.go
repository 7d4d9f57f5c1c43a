package connect

import (
	"errors"
	"net/url"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// Lifetime is how long a token of ours is valid: long enough for a slow call and a
// clock that is a minute off, short enough to be worthless in a leaked trace.
const Lifetime = 3 * time.Minute

// Signer signs requests to Bitbucket on behalf of one installation.
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

// Sign returns the token for one request. Send it as "Authorization: JWT <token>";
// it is good for this method, path and query only, for [Lifetime].
func (s Signer) Sign(method string, u *url.URL) (redact.Secret, error) {
	return redact.Secret{}, errors.New("sign request: not there yet")
}
