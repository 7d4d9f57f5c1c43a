package bitbucket_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
)

func TestTokenIsCheckedToTheLetter(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) { c[name] = value }
	}
	without := func(name string) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) { delete(c, name) }
	}
	qsh := func(method, path, query string) func(jwt.MapClaims) {
		return set("qsh", bitbucket.QueryStringHash(method, path, query, ""))
	}
	after := func(name string, seconds int64) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) { c[name] = c["iat"].(int64) + seconds }
	}
	for name, test := range map[string]struct {
		change request
		detail string
	}{
		"no iss":                 {request{claims: without("iss")}, "iss"},
		"iss of another app":     {request{claims: set("iss", "other-app")}, "iss"},
		"iss is the client key":  {request{claims: set("iss", clientKey)}, "iss"},
		"iss is not a string":    {request{claims: set("iss", 7)}, "malformed"},
		"ISS in upper case":      {request{claims: func(c jwt.MapClaims) { c["ISS"] = c["iss"]; delete(c, "iss") }}, "malformed"},
		"no sub":                 {request{claims: without("sub")}, "sub"},
		"an unknown sub":         {request{claims: set("sub", "connection:479")}, "sub"},
		"no iat":                 {request{claims: without("iat")}, "iat and exp"},
		"no exp":                 {request{claims: without("exp")}, "iat and exp"},
		"exp as text":            {request{claims: set("exp", "4102444800")}, "malformed"},
		"exp with a fraction":    {request{claims: set("exp", 1767323225.5)}, "whole seconds"},
		"expired":                {request{claims: func(c jwt.MapClaims) { after("exp", 0)(c) }}, "expired"},
		"iat in the future":      {request{claims: func(c jwt.MapClaims) { after("exp", 200)(c); after("iat", 61)(c) }}, "future"},
		"lives for too long":     {request{claims: after("exp", 301)}, "lifetime"},
		"ends as it begins":      {request{claims: func(c jwt.MapClaims) { after("exp", 30)(c); after("iat", 30)(c) }}, "lifetime"},
		"no qsh":                 {request{claims: without("qsh")}, "qsh is required"},
		"empty qsh":              {request{claims: set("qsh", "")}, "qsh is not"},
		"context qsh":            {request{claims: set("qsh", "context-qsh")}, "qsh is not"},
		"qsh without 2.0":        {request{claims: qsh("GET", "/addon/linkers", "pagelen=5")}, "qsh is not"},
		"qsh without the query":  {request{claims: qsh("GET", "/2.0/addon/linkers", "")}, "qsh is not"},
		"qsh of another method":  {request{claims: qsh("PUT", "/2.0/addon/linkers", "pagelen=5")}, "qsh is not"},
		"qsh in upper case":      {request{claims: func(c jwt.MapClaims) { c["qsh"] = strings.ToUpper(c["qsh"].(string)) }}, "qsh is not"},
		"wrong secret":           {request{secret: "other"}, "signature"},
		"HS384":                  {request{signing: jwt.SigningMethodHS384}, "signature"},
		"alg none":               {request{signing: jwt.SigningMethodNone}, "signature"},
		"alg in lower case":      {request{tokenHeader: func(h map[string]any) { h["alg"] = "hs256" }}, "signature"},
		"lower-case scheme":      {request{authorization: "jwt x.y.z"}, "case-sensitive"},
		"scheme and no space":    {request{authorization: "JWTx.y.z"}, "case-sensitive"},
		"not a token":            {request{authorization: "JWT nonsense"}, "malformed"},
		"payload is not base64":  {request{authorization: "JWT a.!.c"}, "malformed"},
		"payload is not claims":  {request{authorization: "JWT a." + base64.RawURLEncoding.EncodeToString([]byte("[]")) + ".c"}, "malformed"},
		"no authorization":       {request{header: http.Header{"Authorization": nil}}, "0 Authorization headers"},
		"two authorizations":     {request{header: http.Header{"Authorization": {"JWT a", "JWT b"}}}, "2 Authorization headers"},
		"sub of another install": {request{claims: set("sub", "ari:cloud:bitbucket::app/{0}/second-app")}, "iss is not the key of the app"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bitbucket.Switches{})
			r.seed(bitbucket.State{
				Apps: []bitbucket.App{{Key: "second-app", Descriptor: bitbucket.Descriptor("second-app", baseURL)}},
				Installations: []bitbucket.Installation{{
					AppKey: "second-app", ClientKey: "ari:cloud:bitbucket::app/{0}/second-app", SharedSecret: secret,
				}},
			})
			q := test.change
			q.method, q.path = "GET", "/2.0/addon/linkers?pagelen=5"
			var got envelope
			r.want(http.StatusUnauthorized, q).decode(t, &got)
			if got.Type != "error" || got.Error.Message != "Authentication must use app JWT" {
				t.Errorf("unexpected error %+v", got)
			}
			if detail, _ := got.Error.Detail.(string); !strings.Contains(detail, test.detail) {
				t.Errorf("detail %q does not mention %q", detail, test.detail)
			}
		})
	}
}

func TestTokenThatIsCorrectPasses(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]request{
		"as a client makes it":          {},
		"without typ":                   {tokenHeader: func(h map[string]any) { delete(h, "typ") }},
		"at the longest lifetime":       {claims: func(c jwt.MapClaims) { c["exp"] = c["iat"].(int64) + 300 }},
		"a clock 60 s ahead":            {claims: func(c jwt.MapClaims) { c["iat"] = c["iat"].(int64) + 60 }},
		"with an aud, which is ignored": {claims: func(c jwt.MapClaims) { c["aud"] = "x" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q.method, q.path = "GET", "/2.0/addon/linkers?b=1&a=2,3&a=+"
			newRig(t, bitbucket.Switches{}).want(http.StatusOK, q)
		})
	}
}

func TestTokenInTheQueryStringIsNotAccepted(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	token := r.token(request{method: "GET", path: "/2.0/addon/linkers"})
	got := r.want(http.StatusUnauthorized, request{
		method: "GET", path: "/2.0/addon/linkers?jwt=" + token, header: http.Header{"Authorization": nil},
	})
	if !strings.Contains(got.body, "query string") {
		t.Errorf("body %s does not say why", got.body)
	}
}

func TestOtherAuthenticationTypesAreRefused(t *testing.T) {
	t.Parallel()
	for _, authorization := range []string{"Bearer x", "bearer x", "Basic dTpw"} {
		t.Run(authorization, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bitbucket.Switches{})
			for _, path := range []string{"/2.0/addon/linkers", valuesURL} {
				var got envelope
				r.want(http.StatusForbidden, request{method: "GET", path: path, authorization: authorization}).decode(t, &got)
				if want := "This API is only accessible with the following authentication types: jwt"; got.Error.Message != want {
					t.Errorf("message %q, want %q", got.Error.Message, want)
				}
			}
		})
	}
}
