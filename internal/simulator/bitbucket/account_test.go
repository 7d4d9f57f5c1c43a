package bitbucket_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
)

const (
	tokenURL  = "/site/oauth2/access_token"
	form      = "application/x-www-form-urlencoded"
	grantBody = "grant_type=urn%3Abitbucket%3Aoauth2%3Ajwt"
	workspace = "/2.0/workspaces/%7B11111111-2222-4333-8444-555555555555%7D"
)

func TestJWTGrantIssuesAnAccessToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	var got struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		Scopes      string `json:"scopes"`
		ExpiresIn   int    `json:"expires_in"`
	}
	grant := request{method: "POST", path: tokenURL, body: grantBody + "&scope=repository", contentType: form}
	r.want(http.StatusOK, grant).decode(t, &got)
	if got.AccessToken == "" || got.TokenType != "bearer" || got.Scopes != "repository" || got.ExpiresIn != 3600 {
		t.Errorf("unexpected answer %+v", got)
	}
	bearer := "Bearer " + got.AccessToken
	r.want(http.StatusOK, request{method: "GET", path: workspace, authorization: bearer})
	r.want(http.StatusForbidden, request{method: "GET", path: "/2.0/addon/linkers", authorization: bearer})
	r.clock.Advance(time.Hour)
	r.want(http.StatusUnauthorized, request{method: "GET", path: workspace, authorization: bearer})
}

func TestAccessTokenEndsWithTheInstallation(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	token := func(change func(jwt.MapClaims), secret string) string {
		t.Helper()
		var got struct {
			AccessToken string `json:"access_token"`
		}
		r.want(http.StatusOK, request{
			method: "POST", path: tokenURL, body: grantBody, contentType: form, claims: change, secret: secret,
		}).decode(t, &got)
		return "Bearer " + got.AccessToken
	}
	bearer := token(nil, "")
	r.want(http.StatusNoContent, request{method: "DELETE", path: "/2.0/addon"})
	r.want(http.StatusUnauthorized, request{method: "GET", path: workspace, authorization: bearer})

	fresh := fresh(a, "offered")
	a.status = http.StatusForbidden
	a.during = func() {
		bearer = token(func(c jwt.MapClaims) {
			c["sub"] = "ari:cloud:bitbucket::app/" + freshUUID + "/" + appKey
		}, "offered")
	}
	if _, err := r.sim.Install(t.Context(), fresh); err == nil {
		t.Fatal("the refused install succeeded")
	}
	r.want(http.StatusUnauthorized, request{method: "GET", path: workspace, authorization: bearer})
}

func TestJWTGrantIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	for name, test := range map[string]struct {
		q      request
		status int
		want   string
	}{
		"JSON body":        {request{body: `{"grant_type":"urn:bitbucket:oauth2:jwt"}`}, 400, "invalid_request"},
		"no grant type":    {request{body: "x=1", contentType: form}, 400, "invalid_request"},
		"other grant type": {request{body: "grant_type=client_credentials", contentType: form}, 400, "unsupported_grant_type"},
		"scope not had":    {request{body: grantBody + "&scope=webhook", contentType: form}, 400, "invalid_scope"},
		"wrong secret":     {request{body: grantBody, contentType: form, secret: "x"}, 401, "signature"},
		"basic":            {request{body: grantBody, contentType: form, authorization: "Basic dTpw"}, 403, "jwt"},
	} {
		test.q.method, test.q.path = "POST", tokenURL
		if got := r.want(test.status, test.q); !strings.Contains(got.body, test.want) {
			t.Errorf("%s: body %s does not mention %q", name, got.body, test.want)
		}
	}
}

func TestWorkspaceIsOnlyOnesOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	other := "{22222222-2222-4333-8444-555555555555}"
	r.seed(bitbucket.State{Installations: []bitbucket.Installation{{AppKey: appKey, Principal: bitbucket.Principal{UUID: other}}}})
	var got struct{ Type, UUID, Slug string }
	r.get(workspace).decode(t, &got)
	if got.Type != "workspace" || got.UUID != uuid || got.Slug != "example-workspace" {
		t.Errorf("got %+v", got)
	}
	r.get("/2.0/workspaces/example-workspace")
	for _, path := range []string{"/2.0/workspaces/%7B22222222-2222-4333-8444-555555555555%7D", "/2.0/workspaces/nope", "/2.0/workspaces/"} {
		r.want(http.StatusNotFound, request{method: "GET", path: path})
	}
	r.want(http.StatusUnauthorized, request{method: "GET", path: workspace, secret: "x"})
	r.want(http.StatusUnauthorized, request{method: "GET", path: workspace, authorization: "Bearer unknown"})
}

func basic(email, token string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(email+":"+token))
}

func TestUserNeedsALivingTokenWithTheScope(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	const email = "robot@example.com"
	r.seed(bitbucket.State{Users: []bitbucket.User{{
		Email: email, UUID: "{1}", DisplayName: "robot",
		Tokens: []bitbucket.Token{
			{Value: "good", Scopes: []string{"read:user:bitbucket"}, Expires: r.clock.Now().Add(time.Hour)},
			{Value: "narrow", Scopes: []string{"read:repository:bitbucket"}},
		},
	}}})
	user := func(authorization string) request {
		return request{method: "GET", path: "/2.0/user", authorization: authorization}
	}
	var got struct{ Type, UUID string }
	r.want(http.StatusOK, user(basic(email, "good"))).decode(t, &got)
	if got.Type != "user" || got.UUID != "{1}" {
		t.Errorf("got %+v", got)
	}
	for name, authorization := range map[string]string{
		"wrong token":     basic(email, "bad"),
		"no token":        basic(email, ""),
		"unknown account": basic("nobody@example.com", "good"),
		"username":        basic("robot", "good"),
		"bearer":          "Bearer good",
		"app JWT":         "JWT " + r.token(request{method: "GET", path: "/2.0/user"}),
	} {
		var refused envelope
		r.want(http.StatusUnauthorized, user(authorization)).decode(t, &refused)
		if want := "Token is invalid, expired, or not supported for this endpoint."; refused.Error.Message != want {
			t.Errorf("%s: message %q, want %q", name, refused.Error.Message, want)
		}
	}
	var refused envelope
	r.want(http.StatusForbidden, user(basic(email, "narrow"))).decode(t, &refused)
	want := map[string]any{"required": []any{"read:user:bitbucket"}, "granted": []any{"read:repository:bitbucket"}}
	if diff := cmp.Diff(want, refused.Error.Detail); diff != "" {
		t.Error(diff)
	}
	r.clock.Advance(time.Hour)
	r.want(http.StatusUnauthorized, user(basic(email, "good")))
	r.want(http.StatusForbidden, user(basic(email, "narrow")))
}

func TestBudgetCoversTheOtherCallsToo(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]request{
		"workspace": {method: "GET", path: workspace},
		"grant":     {method: "POST", path: tokenURL, body: grantBody, contentType: form},
		"user":      {method: "GET", path: "/2.0/user", authorization: basic("a@example.com", "t")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bitbucket.Switches{HourlyBudget: 1})
			r.seed(bitbucket.State{Users: []bitbucket.User{{
				Email: "a@example.com", Tokens: []bitbucket.Token{{Value: "t", Scopes: []string{"read:user:bitbucket"}}},
			}}})
			r.want(http.StatusOK, q)
			r.want(http.StatusTooManyRequests, q)
		})
	}
}
