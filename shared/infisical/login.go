package infisical

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// maxLifetime is the longest life that Infisical gives to a token.
const maxLifetime = 315360000 * time.Second

// Login is how a machine identity proves itself: [UniversalAuth], [OIDCAuth] or
// [AWSAuth]. Infisical calls them auth methods.
// Source: https://infisical.com/docs/documentation/platform/identities/machine-identities
type Login interface {
	// proof checks the fields and makes what is sent.
	proof(ctx context.Context, now time.Time) (proof, error)
}

// proof is the body of one login and the words for its errors.
type proof struct {
	method string // the path's element, such as "oidc-auth"
	body   map[string]string
	// secrets are the parts of body that must not come back in an error's text.
	secrets []redact.Secret
	// name says with what and as whom, such as `Universal Auth as client "c-1"`.
	name string
	// presented is added to a refusal: what Infisical has seen and refused.
	presented string
	// repeatable is false where a second try has a cost.
	repeatable bool
	// onServerError is added to a 500, which some methods answer with for a refusal.
	onServerError string
}

type loginAnswer struct {
	AccessToken string `json:"accessToken"`
	// ExpiresIn is in seconds; 0 for a token that doesn't end.
	ExpiresIn float64 `json:"expiresIn"`
}

func (a *loginAnswer) complete() bool { return a.AccessToken != "" && a.ExpiresIn >= 0 }

func (a *loginAnswer) lifetime() time.Duration {
	if a.ExpiresIn >= maxLifetime.Seconds() {
		return maxLifetime
	}
	return time.Duration(a.ExpiresIn * float64(time.Second))
}

// login makes one attempt; only a rate limit is waited for.
// Source: https://infisical.com/docs/api-reference/endpoints/universal-auth/login
func (c *Client) login(ctx context.Context, now time.Time) (loginAnswer, error) {
	proof, err := c.Login.proof(ctx, now)
	if err != nil {
		return loginAnswer{}, err
	}
	body := maps.Clone(proof.body)
	if c.OrganizationSlug != "" {
		body["organizationSlug"] = c.OrganizationSlug
		// The older name. A server ignores the name that it doesn't know, and would
		// silently work on the wrong organisation.
		body["subOrganizationName"] = c.OrganizationSlug
	}
	var granted loginAnswer
	err = c.send(ctx, request{
		method:     http.MethodPost,
		path:       []string{"auth", proof.method, "login"},
		body:       body,
		secrets:    proof.secrets,
		login:      true,
		repeatable: proof.repeatable,
	}, &granted)
	switch {
	case errors.Is(err, ErrLoginRefused) && proof.presented != "":
		err = fmt.Errorf("%w; %s", err, proof.presented)
	case errors.Is(err, ErrServer) && proof.onServerError != "":
		err = fmt.Errorf("%w; %s", err, proof.onServerError)
	}
	if err != nil {
		return loginAnswer{}, fmt.Errorf("log in to %s with %s: %w", c.endpoint.base, proof.name, err)
	}
	return granted, nil
}
