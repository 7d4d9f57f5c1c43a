package infisical

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
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

const (
	// loginAttempts and loginWait bound the repeating of a login; each further wait
	// doubles.
	loginAttempts = 3
	loginWait     = 500 * time.Millisecond
)

// sendLogin sends a login, and again when the one before certainly spent nothing. It
// is for the methods that package transport must not repeat.
func (c *Client) sendLogin(ctx context.Context, r request, into answer) error {
	for attempt, wait := 1, loginWait; ; attempt, wait = attempt+1, 2*wait {
		err := c.send(ctx, r, into)
		if attempt == loginAttempts || r.repeatable || !unspent(err) {
			return err
		}
		if c.sleep(ctx, wait) != nil {
			return err
		}
	}
}

// unspent tells whether a failed login reached no Infisical: the connection was never
// made, or a 503 came without Infisical's envelope. Infisical has no 503 of its own;
// one without the envelope is a load balancer's, which had no server to pass the
// request to (RFC 9110, 15.6.4). A 502 or a 504 may follow a login that counted.
func unspent(err error) bool {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return true
	}
	failed, ok := errors.AsType[*APIError](err)
	return ok && failed.Status == http.StatusServiceUnavailable && failed.Code == "" && failed.RequestID == ""
}

// login proves the identity. A rate limit is waited for, and what spent nothing is
// repeated.
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
	err = c.sendLogin(ctx, request{
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
