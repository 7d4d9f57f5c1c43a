package infisical_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

const oidcPath = "POST /api/v1/auth/oidc-auth/login"

// signature is the part of an ID token that must not be printed.
const signature = "c2lnbmF0dXJlLWNhbmFyeQ"

// idToken is an unsigned JWT with the given payload.
func idToken(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(payload)) + "." + signature
}

func oidc(token string) infisical.OIDCAuth {
	return infisical.OIDCAuth{IdentityID: identityID, Token: func(context.Context) (redact.Secret, error) { return redact.New(token), nil }}
}

func TestEachLoginSendsItsShape(t *testing.T) {
	t.Parallel()
	token := idToken(`{"sub":"repo:x"}`)
	tests := map[string]struct {
		login        infisical.Login
		organization string
		route        string
		body         map[string]any
	}{
		"Universal Auth": {
			infisical.UniversalAuth{ClientID: "client-1", ClientSecret: redact.New(clientSecret)},
			"", loginPath,
			map[string]any{"clientId": "client-1", "clientSecret": clientSecret},
		},
		// Older servers know the sub-organisation by another name, and ignore this one.
		"Universal Auth in a sub-organisation": {
			infisical.UniversalAuth{ClientID: "client-1", ClientSecret: redact.New(clientSecret)},
			"team-a", loginPath,
			map[string]any{"clientId": "client-1", "clientSecret": clientSecret, "organizationSlug": "team-a", "subOrganizationName": "team-a"},
		},
		"OIDC": {oidc(token), "", oidcPath, map[string]any{"identityId": identityID, "jwt": token}},
		"OIDC in a sub-organisation": {
			oidc(token), "team-a", oidcPath,
			map[string]any{"identityId": identityID, "jwt": token, "organizationSlug": "team-a", "subOrganizationName": "team-a"},
		},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, many())
			client := server.client()
			client.Login, client.OrganizationSlug = test.login, test.organization
			list(t, client)
			made := server.calls[0]
			if made.Route != test.route || made.Header.Get("Authorization") != "" {
				t.Errorf("%s with authorization %q, want %s without", made.Route, made.Header.Get("Authorization"), test.route)
			}
			if diff := cmp.Diff(test.body, made.decoded(t)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// The rows are those of the server's error table for logins.
func TestEveryRefusalHasItsMeaning(t *testing.T) {
	t.Parallel()
	claims := idToken(`{"sub":"repo:acme/app:ref:refs/heads/main","aud":["https://github.com/acme","b"],"iss":"https://token.actions.githubusercontent.com"}`)
	shown := []string{`sub "repo:acme/app:ref:refs/heads/main"`, `aud ["https://github.com/acme","b"]`, `iss "https://token.actions.githubusercontent.com"`}
	tests := map[string]struct {
		oidc  bool
		reply reply
		kinds []string
		says  []string
	}{
		"wrong secret":   {false, refuse(401, "UnauthorizedError", `"Invalid credentials"`), []string{"ErrLoginRefused"}, []string{`client "client-1"`, "US, EU"}},
		"lock-out":       {false, refuse(401, "UnauthorizedError", `"This identity auth method is temporarily locked, please try again later"`), []string{"ErrLoginRefused", "ErrLockedOut"}, []string{"5 minutes"}},
		"crowd":          {false, refuse(429, "RateLimitExceeded", `"Failed to acquire lock: rate limit exceeded"`), []string{"ErrLoginRefused", "ErrRateLimited"}, nil},
		"expired secret": {false, refuse(401, "UnauthorizedError", `"Access denied due to expired client secret"`), []string{"ErrLoginRefused"}, []string{"create a new client secret"}},
		"used up secret": {false, refuse(401, "UnauthorizedError", `"Access denied due to client secret usage limit reached"`), []string{"ErrLoginRefused"}, []string{"create a new client secret"}},
		"rate limit":     {false, refuse(429, "RateLimitExceeded", `"Rate limit exceeded. Please try again in 2 seconds"`), []string{"ErrRateLimited"}, nil},
		"unknown organisation": {
			false, refuse(404, "NotFound", `"Sub organization with slug team-a not found"`), []string{"ErrLoginRefused"}, []string{"team-a"},
		},
		"method too new for the server": {
			true,
			reply{status: 404, body: `{"message":"Route POST:/api/v1/auth/oidc-auth/login not found","error":"Not Found","statusCode":404}`},
			[]string{"ErrUnsupported"},
			nil,
		},
		"no OIDC method":   {true, refuse(404, "NotFound", `"OIDC auth method not found for identity, did you configure OIDC auth?"`), []string{"ErrLoginRefused"}, []string{"did you configure"}},
		"wrong subject":    {true, refuse(403, "ForbiddenError", `"Access denied: OIDC subject not allowed."`), []string{"ErrLoginRefused", "ErrSubjectRefused"}, shown},
		"wrong audience":   {true, refuse(401, "UnauthorizedError", `"Access denied: OIDC audience not allowed."`), []string{"ErrLoginRefused", "ErrAudienceRefused"}, shown},
		"another claim":    {true, refuse(401, "UnauthorizedError", `"Access denied: OIDC claim not allowed."`), []string{"ErrLoginRefused"}, shown},
		"bad signature":    {true, refuse(401, "UnauthorizedError", `"Access denied: jwt expired"`), []string{"ErrLoginRefused"}, []string{"jwt expired"}},
		"an echo":          {true, refuse(401, "UnauthorizedError", `"Invalid JWT `+claims+`"`), []string{"ErrLoginRefused"}, append([]string{"[withheld"}, shown...)},
		"forbidden source": {true, refuse(403, "ForbiddenError", `"You are not allowed to access this resource"`), []string{"ErrLoginRefused"}, nil},
		"malformed":        {true, refuse(422, "ValidationFailure", `[{"path":["jwt"],"message":"Required"}]`), []string{"ErrLoginRefused", "ErrInvalid"}, []string{"jwt: Required"}},
		"bad request":      {true, refuse(400, "BadRequest", `"no"`), []string{"ErrLoginRefused", "ErrInvalid"}, nil},
		"outage":           {false, refuse(500, "InternalServerError", `"Something went wrong"`), []string{"ErrServer"}, nil},
		"a proxy's 401":    {false, reply{status: 401, body: "<html>"}, []string{"ErrUnexpectedAnswer"}, nil},
		"no token":         {false, ok(`{"accessToken":"","expiresIn":1}`), []string{"ErrUnexpectedAnswer"}, nil},
		"a token of the past": {
			false, ok(`{"accessToken":"a","expiresIn":-1}`), []string{"ErrUnexpectedAnswer"}, nil,
		},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(loginPath, test.reply).on(oidcPath, test.reply)
			client := server.client()
			if test.oidc {
				client.Login = oidc(claims)
			}
			_, err := client.Connections(t.Context(), "")
			checkKinds(t, err, test.kinds...)
			mustContain(t, err, append(test.says, "log in to "+server.url)...)
			checkText(t, err)
			for _, secret := range []string{signature, claims, clientSecret} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds a secret: %v", err)
				}
			}
		})
	}
}

// Only a refusal shows what the token says; there is no reason to otherwise.
func TestAnOutageShowsNoClaims(t *testing.T) {
	t.Parallel()
	server := newRecorder(t).on(oidcPath, reply{status: 501})
	client := server.client()
	client.Login = oidc(idToken(`{"sub":"repo:acme"}`))
	if _, err := client.Connections(t.Context(), ""); err == nil || strings.Contains(err.Error(), "repo:acme") {
		t.Errorf("error = %v", err)
	}
}

func TestClaimsAreShownBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	tests := map[string]struct{ payload, want string }{
		"missing":       {`{}`, "sub missing, aud missing, iss missing"},
		"other types":   {`{"sub":7,"aud":{"a":null},"iss":null}`, `sub 7, aud {"a":null}, iss null`},
		"too long":      {`{"sub":"` + long + `","aud":["` + long + `"]}`, `sub "` + long[:199] + `…, aud ["` + long[:198] + "…, iss missing"},
		"of many lines": {"{\"sub\":\n[\n\"a\",\t\"b\\u001b[0m\"]}", `sub [ "a", "b\u001b[0m"], aud`},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(oidcPath, refuse(403, "ForbiddenError", `"Access denied: OIDC subject not allowed."`))
			client := server.client()
			client.Login = oidc(idToken(test.payload))
			_, err := client.Connections(t.Context(), "")
			mustContain(t, err, "the token has "+test.want)
			checkText(t, err)
		})
	}
}

// What can't be an ID token isn't sent, and isn't printed either.
func TestATokenThatIsNoneIsNotSent(t *testing.T) {
	t.Parallel()
	tokens := map[string]string{
		"empty":           "",
		"blank":           " \n",
		"one part":        "canary",
		"four parts":      "a.b.c.canary",
		"not base64":      "a.canary!.c",
		"not JSON":        "a." + base64.RawURLEncoding.EncodeToString([]byte("canary")) + ".c",
		"not an object":   "a." + base64.RawURLEncoding.EncodeToString([]byte(`["canary"]`)) + ".c",
		"larger than any": idToken(`{"sub":"` + strings.Repeat("canary", 4000) + `"}`),
	}
	for title, token := range tokens {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t)
			client := server.client()
			client.Login = oidc(token)
			_, err := client.Connections(t.Context(), "")
			if !errors.Is(err, infisical.ErrInvalid) || len(server.routes()) > 0 {
				t.Errorf("error = %v after %v, want ErrInvalid before any call", err, server.routes())
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

func TestALoginThatCantBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	broken := errors.New("no permission id-token: write")
	tests := map[string]struct {
		login infisical.Login
		says  []string
	}{
		"no secret":        {infisical.UniversalAuth{ClientID: "c"}, []string{"client_secret: is empty"}},
		"no client":        {infisical.UniversalAuth{ClientSecret: redact.New("s")}, []string{"client_id: is empty"}},
		"a file as secret": {infisical.UniversalAuth{ClientID: "c", ClientSecret: redact.New("a\nb")}, []string{"client_secret: holds control characters"}},
		"no identity":      {infisical.OIDCAuth{}, []string{"identity_id: \"\" is not a UUID", "token: has no source"}},
		"a name for an id": {infisical.OIDCAuth{IdentityID: "my-identity"}, []string{`identity_id: "my-identity" is not a UUID`}},
		"no ID token": {
			infisical.OIDCAuth{IdentityID: identityID, Token: func(context.Context) (redact.Secret, error) { return redact.Secret{}, broken }},
			[]string{"fetch the ID token: no permission"},
		},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t)
			client := server.client()
			client.Login = test.login
			_, err := client.Connections(t.Context(), "")
			mustContain(t, err, test.says...)
			if len(server.routes()) > 0 {
				t.Errorf("called %v", server.routes())
			}
		})
	}
}
