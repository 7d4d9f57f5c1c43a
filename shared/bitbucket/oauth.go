package bitbucket

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	accessTokenPath = "/site/oauth2/access_token" //nolint:gosec // a path, not a token
	jwtGrant        = "urn:bitbucket:oauth2:jwt"
)

// AccessToken is an OAuth token for the account that has the app. The addon's own
// endpoints don't take it, only JWTs.
type AccessToken struct {
	// Token goes into "Authorization: Bearer".
	Token redact.Secret
	// ExpiresIn is an hour; zero when Bitbucket didn't say.
	ExpiresIn time.Duration
}

// AccessToken swaps a JWT for an OAuth token. It needs no scope, so that it proves
// an installation's shared secret: ErrUnauthorized, ErrForbidden, ErrNotFound and
// ErrInvalid are a refusal, ErrUnavailable is no verdict.
// Source: https://developer.atlassian.com/cloud/bitbucket/oauth-2-connect/
func (c *Client) AccessToken(ctx context.Context) (AccessToken, error) {
	u, err := resolve(c.AuthURL, DefaultAuthURL, accessTokenPath, "")
	if err != nil {
		return AccessToken{}, err
	}
	r := request{
		method: http.MethodPost, url: u, contentType: contentForm,
		body: []byte(url.Values{"grant_type": {jwtGrant}}.Encode()),
	}
	// A second token instead of the first changes nothing.
	body, err := c.call(transport.Repeatable(ctx), r)
	if err != nil {
		return AccessToken{}, err
	}
	var granted struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := decode(r, body, &granted); err != nil {
		return AccessToken{}, err
	}
	if granted.AccessToken == "" {
		return AccessToken{}, unknownShape(r, "no access_token")
	}
	return AccessToken{Token: redact.New(granted.AccessToken), ExpiresIn: time.Duration(granted.ExpiresIn) * time.Second}, nil
}
