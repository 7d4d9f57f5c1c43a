package infisical_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/linkersync/linkersync/internal/simulator/infisical"
)

const (
	issuerURL = "https://token.example.com"
	audience  = "https://github.com/example"
	subject   = "repo:example/app:ref:refs/heads/main"
)

// hmacKey signs the tokens of most tests: RSA keys take long to make.
var hmacKey = []byte("not-a-real-oidc-key")

func (r *rig) withOIDC(auth infisical.OIDCAuth, keys map[string]any) {
	r.t.Helper()
	auth.Issuer = issuerURL
	r.seed(infisical.State{
		Issuers:    []infisical.Issuer{{URL: issuerURL, Keys: keys}},
		Identities: []infisical.Identity{{ID: "oidc", OrgID: org, Permissions: infisical.Everything(), OIDC: &auth}},
	})
}

// oidcLogin signs a good token, with changes, and makes the login's request.
func (r *rig) oidcLogin(method jwt.SigningMethod, key any, kid string, change func(jwt.MapClaims)) request {
	r.t.Helper()
	now := r.clock.Now()
	claims := jwt.MapClaims{
		"iss": issuerURL, "sub": subject, "aud": audience, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"repository": "example/app",
	}
	if change != nil {
		change(claims)
	}
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(key)
	if err != nil {
		r.t.Fatal(err)
	}
	return oidcRequest("oidc", signed)
}

func oidcRequest(identity, token string) request {
	body, err := json.Marshal(map[string]string{"identityId": identity, "jwt": token})
	if err != nil {
		panic(err)
	}
	return request{method: "POST", path: "/api/v1/auth/oidc-auth/login", body: string(body)}
}

func TestOIDCLoginWithRSA(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.withOIDC(infisical.OIDCAuth{Subject: subject, Audiences: []string{audience}}, map[string]any{"k1": &private.PublicKey})
	for _, kid := range []string{"k1", ""} {
		var got login
		r.want(200, "", "", r.oidcLogin(jwt.SigningMethodRS256, private, kid, nil)).decode(t, &got)
		r.want(200, "", "", request{method: "GET", path: connectionsURL, token: got.AccessToken})
	}
	// The oldest trick: an HMAC made with what everybody knows.
	r.want(401, "UnauthorizedError", "Access denied: invalid algorithm", r.oidcLogin(jwt.SigningMethodHS256, private.N.Bytes(), "k1", nil))
}

func TestOIDCLoginRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withOIDC(infisical.OIDCAuth{
		Subject: "repo:example/app:*/heads/main", Audiences: []string{"x", audience}, Claims: map[string]string{"repository": "other/*, example/*"},
	}, map[string]any{"k1": hmacKey})
	set := func(name string, value any) func(jwt.MapClaims) { return func(c jwt.MapClaims) { c[name] = value } }
	hs := jwt.SigningMethodHS256
	sign := func(change func(jwt.MapClaims)) request { return r.oidcLogin(hs, hmacKey, "k1", change) }

	r.want(200, "", "", sign(nil))
	r.want(403, "ForbiddenError", "Access denied: OIDC subject not allowed.", sign(set("sub", "repo:example/app:ref:refs/x/heads/main")))
	r.want(403, "ForbiddenError", "Access denied: OIDC subject not allowed.", sign(set("sub", nil)))
	r.want(401, "UnauthorizedError", "Access denied: OIDC audience not allowed.", sign(set("aud", "y")))
	r.want(200, "", "", sign(set("aud", []string{"y", audience})))
	r.want(401, "UnauthorizedError", "Access denied: OIDC claim not allowed.", sign(set("repository", "evil/app")))
	r.want(401, "UnauthorizedError", "Access denied: token has no repository field", sign(set("repository", "")))
	r.want(401, "UnauthorizedError", "Access denied: jwt expired", sign(set("exp", r.clock.Now().Unix())))
	r.want(401, "UnauthorizedError", "Access denied: jwt not active", sign(set("nbf", r.clock.Now().Unix()+1)))
	r.want(401, "UnauthorizedError", "Access denied: jwt issuer invalid. expected: "+issuerURL, sign(set("iss", "https://evil.example.com")))
	r.want(401, "UnauthorizedError", "Access denied: invalid signature", r.oidcLogin(hs, []byte("other"), "k1", nil))
	r.want(401, "UnauthorizedError",
		"Access denied: Unable to verify JWT signature. The signing key 'k2' was not found in the OIDC provider's JWKS endpoint.",
		r.oidcLogin(hs, hmacKey, "k2", nil))
	r.want(401, "UnauthorizedError",
		"Access denied: Unable to verify JWT signature with any available signing key. invalid signature",
		r.oidcLogin(hs, []byte("other"), "", nil))
	r.want(401, "UnauthorizedError", "Invalid JWT", oidcRequest("oidc", "nonsense"))
	const notConfigured = "OIDC auth method not found for identity, did you configure OIDC auth?"
	r.want(404, "NotFound", notConfigured, oidcRequest(robot, "x"))
	r.want(404, "NotFound", notConfigured, oidcRequest("nobody", "x"))
	r.want(422, "ValidationFailure", "", request{method: "POST", path: "/api/v1/auth/oidc-auth/login", body: `{"identityId":"oidc"}`})
}

// The subject is looked at before the audience: a caller that has both wrong
// learns of the subject.
func TestOIDCSubjectComesFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withOIDC(infisical.OIDCAuth{Subject: subject, Audiences: []string{audience}}, map[string]any{"k1": hmacKey})
	r.want(403, "ForbiddenError", "Access denied: OIDC subject not allowed.", r.oidcLogin(jwt.SigningMethodHS256, hmacKey, "k1", func(c jwt.MapClaims) {
		c["sub"], c["aud"] = "x", "x"
	}))
}

func TestOIDCSubjectGlobs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern string
		allowed bool
	}{
		{"", true},
		{subject, true},
		{"repo:example/app:*", false},
		{"repo:example/app:**", true},
		{"repo:*/app:ref:refs/heads/main", true},
		{"repo:example/.pp:**", false},
		{"repo:example/app", false},
		{"epo:**", false},
		{"**:refs", false},
	} {
		r := newRig(t)
		r.withOIDC(infisical.OIDCAuth{Subject: test.pattern}, map[string]any{"k1": hmacKey})
		got := r.do(r.oidcLogin(jwt.SigningMethodHS256, hmacKey, "k1", nil))
		if (got.status == 200) != test.allowed {
			t.Errorf("pattern %q: status %d, want allowed %t", test.pattern, got.status, test.allowed)
		}
	}
}
