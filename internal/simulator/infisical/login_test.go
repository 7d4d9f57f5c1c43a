package infisical_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/linkersync/linkersync/internal/simulator/infisical"
)

const textLocked = "This identity auth method is temporarily locked, please try again later"

func TestUniversalLoginIssuesAToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var got login
	r.want(200, "", "", loginRequest("robot", "secret", "")).decode(t, &got)
	if got.ExpiresIn != 2592000 || got.AccessTokenMaxTTL != 2592000 || got.TokenType != "Bearer" {
		t.Errorf("unexpected answer %+v", got)
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(got.AccessToken, claims); err != nil {
		t.Fatal(err)
	}
	if claims["identityId"] != robot || claims["authTokenType"] != "identityAccessToken" {
		t.Errorf("claims are %v", claims)
	}
	r.want(200, "", "", request{method: "GET", path: connectionsURL, token: got.AccessToken})
}

func TestUniversalLoginTakesAFormToo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.want(200, "", "", request{
		method: "POST", path: loginURL, body: "clientId=robot&clientSecret=secret", contentType: "application/x-www-form-urlencoded",
	})
}

func TestUniversalLoginRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const invalid = "Invalid credentials"
	r.want(401, "UnauthorizedError", invalid, loginRequest("nobody", "secret", ""))
	r.want(401, "UnauthorizedError", invalid, loginRequest("robot", "wrong", ""))
	r.want(404, "NotFound", "Sub organization with slug nope not found", loginRequest("robot", "secret", "nope"))
	r.want(401, "UnauthorizedError", "Identity not authorized to access sub organization closed-sub", loginRequest("robot", "secret", "closed-sub"))
	r.want(422, "ValidationFailure", "", request{method: "POST", path: loginURL, body: `{"clientId":"robot"}`})
	r.want(422, "ValidationFailure", "", request{method: "POST", path: loginURL, body: `{"clientId":"robot","clientSecret":7}`})
	r.want(422, "ValidationFailure", "", request{method: "POST", path: loginURL, body: `[]`})
}

func TestThreeBadSecretsLockTheClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad, good := loginRequest("robot", "wrong", ""), loginRequest("robot", "secret", "")
	fail := func(times int) {
		t.Helper()
		for range times {
			r.want(401, "UnauthorizedError", "Invalid credentials", bad)
		}
	}
	fail(2)
	r.want(200, "", "", good) // forgives
	fail(2)
	r.clock.Advance(30 * time.Second) // forgets
	fail(3)
	r.want(401, "UnauthorizedError", textLocked, good)
	r.want(401, "UnauthorizedError", textLocked, bad)
	r.want(200, "", "", loginRequest("reader", "secret", ""))
	r.clock.Advance(299 * time.Second)
	r.want(401, "UnauthorizedError", textLocked, good)
	r.clock.Advance(time.Second)
	r.want(200, "", "", good)
}

func TestClientSecretsHaveBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.seed(infisical.State{Identities: []infisical.Identity{{ID: "bounded", OrgID: org, Universal: &infisical.UniversalAuth{
		ClientID: "bounded", Secrets: []infisical.ClientSecret{
			{Value: "short-lived", Created: r.clock.Now(), TTL: time.Hour}, {Value: "twice", UsesLimit: 2},
		},
	}}}})
	for range 2 {
		r.want(200, "", "", loginRequest("bounded", "twice", ""))
		r.want(200, "", "", loginRequest("bounded", "short-lived", ""))
	}
	r.clock.Advance(time.Hour + time.Second)
	r.want(401, "UnauthorizedError", "Access denied due to client secret usage limit reached", loginRequest("bounded", "twice", ""))
	r.want(401, "UnauthorizedError", "Access denied due to expired client secret", loginRequest("bounded", "short-lived", ""))
	for _, revoked := range []string{"twice", "short-lived"} {
		r.want(401, "UnauthorizedError", "Invalid credentials", loginRequest("bounded", revoked, ""))
	}
}

func TestTokensAreRefusedInTheServersWords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	const malformed = "The provided access token is malformed. Please use a valid token or generate a new one and try again."
	list := request{method: "GET", path: connectionsURL}
	with := func(authorization string) request {
		list.header = http.Header{"Authorization": {authorization}}
		return list
	}
	r.want(401, "UnauthorizedError", "Token missing", request{method: "GET", path: connectionsURL})
	r.want(403, "TokenError", malformed, with("Bearer nonsense"))
	r.want(403, "TokenError", malformed, with("short"))
	r.want(403, "TokenError", malformed, with(token)) // without the scheme its beginning is cut off
	r.want(403, "TokenError", "invalid signature", with("Bearer "+token[:len(token)-4]+"AAAA"))
	foreign, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"identityAccessTokenId": "x", "exp": "soon"}).SignedString([]byte("another key"))
	if err != nil {
		t.Fatal(err)
	}
	r.want(403, "TokenError", "invalid signature", with("Bearer "+foreign))
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	r.want(403, "TokenError", "The access token is signed with an invalid algorithm. Please provide a valid token and try again.", with("Bearer "+none))

	// Refused before the body is looked at, and on public endpoints, too.
	r.want(401, "UnauthorizedError", "Token missing", request{method: "POST", path: connectionsURL, body: `{`})
	public := loginRequest("robot", "secret", "")
	public.token = "nonsense"
	r.want(403, "TokenError", malformed, public)

	r.clock.Advance(30*24*time.Hour - time.Second)
	r.want(200, "", "", request{method: "GET", path: connectionsURL, token: token})
	r.clock.Advance(time.Second)
	r.want(403, "TokenError", "Your token has expired. Please re-authenticate.", request{method: "GET", path: connectionsURL, token: token})
}

func TestRevokedTokenIsUnauthorized(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token, other := r.login("robot"), r.login("robot")
	if got := r.sim.ActiveTokens(); got != 2 {
		t.Errorf("%d active tokens, want 2", got)
	}
	revoke := request{method: "POST", path: "/api/v1/auth/token/revoke", body: `{"accessToken":"` + token + `"}`}
	if got := r.want(200, "", "", revoke); got.body != `{"message":"Successfully revoked access token"}` {
		t.Errorf("body is %s", got.body)
	}
	r.want(401, "UnauthorizedError", "No identity access token found", request{method: "GET", path: connectionsURL, token: token})
	r.want(401, "UnauthorizedError", "No identity access token found", revoke)
	r.want(200, "", "", request{method: "GET", path: connectionsURL, token: other})
	r.want(422, "ValidationFailure", "", request{method: "POST", path: "/api/v1/auth/token/revoke", body: `{}`})
	if got := r.sim.ActiveTokens(); got != 1 {
		t.Errorf("%d active tokens, want 1", got)
	}
	r.clock.Advance(31 * 24 * time.Hour)
	if got := r.sim.ActiveTokens(); got != 0 {
		t.Errorf("%d active tokens, want none", got)
	}
}

func TestSubOrganizationIsSelectedByLoginOrHeader(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.create(token, map[string]any{"name": "of-the-root"})
	var sub login
	r.want(200, "", "", loginRequest("robot", "secret", "example-sub")).decode(t, &sub)
	if got := r.create(sub.AccessToken, map[string]any{"name": "of-the-sub"}); got.OrgID != subOrg {
		t.Errorf("created in organization %q", got.OrgID)
	}
	list := func(token, slug string) string {
		t.Helper()
		q := request{method: "GET", path: connectionsURL, token: token}
		if slug != "" {
			q.header = http.Header{"x-infisical-org": {slug}}
		}
		return strings.Join(r.want(200, "", "", q).names(t), ",")
	}
	for _, test := range []struct{ token, slug, want string }{
		{token, "", "of-the-root"},
		{token, "example", "of-the-root"},
		{token, "example-sub", "of-the-sub"},
		{sub.AccessToken, "", "of-the-sub"},
		{sub.AccessToken, "example", "of-the-root"},
	} {
		if got := list(test.token, test.slug); got != test.want {
			t.Errorf("slug %q lists %s, want %s", test.slug, got, test.want)
		}
	}
	bad := func(slug string) request {
		return request{method: "GET", path: connectionsURL, token: token, header: http.Header{"x-infisical-org": {slug}}}
	}
	r.want(404, "NotFound", "Sub organization with slug nope not found", bad("nope"))
	r.want(401, "UnauthorizedError", "Identity not authorized to access sub organization closed-sub", bad("closed-sub"))
	r.want(422, "ValidationFailure", "", bad("Not A Slug"))
}
