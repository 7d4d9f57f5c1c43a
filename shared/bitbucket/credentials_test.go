package bitbucket_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

var grant = step{request: "POST /site/oauth2/access_token", body: "grant_type=urn%3Abitbucket%3Aoauth2%3Ajwt"}

func TestAccessToken(t *testing.T) {
	t.Parallel()
	granted := grant
	granted.answer = `{"access_token":"canary-token","scopes":"repository","expires_in":3600,"token_type":"bearer","refresh_token":"canary"}`
	got, err := newClient(t, newServer(t, granted)).AccessToken(t.Context())
	if err != nil || got.Token.Reveal() != "canary-token" || got.ExpiresIn != time.Hour {
		t.Errorf("AccessToken = %q for %v, %v", got.Token.Reveal(), got.ExpiresIn, err)
	}
	if printed := fmt.Sprintf("%+v", got); strings.Contains(printed, "canary") {
		t.Errorf("the token prints: %s", printed)
	}
}

func TestAccessTokenErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		answer string
		want   []error
		code   string
		text   string
	}{
		"refused by the grant":   {400, `{"error":"invalid_grant","error_description":"JWT signature is wrong"}`, []error{bitbucket.ErrInvalid}, "invalid_grant", "invalid_grant: JWT signature is wrong: "},
		"refused as a client":    {401, `{"error":"unauthorized_client"}`, []error{bitbucket.ErrUnauthorized}, "unauthorized_client", "unauthorized_client: "},
		"no verdict":             {503, `{}`, []error{bitbucket.ErrServer, bitbucket.ErrUnavailable}, "", ""},
		"a success without":      {200, `{"expires_in":3600}`, []error{bitbucket.ErrUnknownShape}, "", ""},
		"a success in odd types": {200, `{"access_token":{"canary":1}}`, []error{bitbucket.ErrUnknownShape}, "", ""},
		"a login page":           {200, `<html>canary</html>`, []error{bitbucket.ErrNotJSON}, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := grant
			refused.status, refused.answer = test.status, test.answer
			_, err := newClient(t, newServer(t, refused)).AccessToken(t.Context())
			wantError(t, err, test.want...)
			var answer *bitbucket.APIError
			if errors.As(err, &answer) && answer.Code != test.code {
				t.Errorf("code %q, want %q", answer.Code, test.code)
			}
			if test.code != "" && !strings.Contains(err.Error(), ": "+test.text) {
				t.Errorf("error = %v, want it to have %s", err, test.text)
			}
		})
	}
}

const workspaceRequest = "GET /2.0/workspaces/%7B11111111-2222-4333-8444-aaaaaaaaaaaa%7D"

func TestWorkspaceProvesTheInstallation(t *testing.T) {
	t.Parallel()
	for _, uuid := range []connect.WorkspaceUUID{"{11111111-2222-4333-8444-AAAAAAAAAAAA}", "11111111-2222-4333-8444-AAAAAAAAAAAA"} {
		s := newServer(t, step{request: workspaceRequest, answer: `{"type":"workspace","uuid":"{11111111-2222-4333-8444-aaaaaaaaaaaa}"}`})
		if err := newClient(t, s).Workspace(t.Context(), uuid); err != nil {
			t.Error(err)
		}
	}
}

func TestWorkspaceErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		answer string
		want   []error
	}{
		"secret is wrong":          {401, message("Invalid signature"), []error{bitbucket.ErrUnauthorized}},
		"another workspace":        {200, `{"uuid":"{99999999-2222-4333-8444-aaaaaaaaaaaa}"}`, []error{bitbucket.ErrUnknownShape}},
		"no workspace at all":      {200, `{}`, []error{bitbucket.ErrUnknownShape}},
		"a login page":             {200, `<html>`, []error{bitbucket.ErrNotJSON}},
		"a uuid that isn't a text": {200, `{"uuid":7}`, []error{bitbucket.ErrUnknownShape}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, step{request: workspaceRequest, status: test.status, answer: test.answer})
			wantError(t, newClient(t, s).Workspace(t.Context(), "{11111111-2222-4333-8444-AAAAAAAAAAAA}"), test.want...)
		})
	}
}

// The uuid comes from a payload that isn't proven yet.
func TestWorkspaceRefusesWhatIsNotAUUID(t *testing.T) {
	t.Parallel()
	for _, uuid := range []connect.WorkspaceUUID{
		"", "{}", "../hook_events", "../hook_events?x={11111111-2222-4333-8444-555555555555}", "my-workspace", "11111111222243338444555555555555",
		"{11111111-2222-4333-8444-555555555555}/hooks", "11111111-2222-4333-8444-55555555555g", "11111111-2222-4333-8444-555555555555\n",
	} {
		wantError(t, newClient(t, newServer(t)).Workspace(t.Context(), uuid), bitbucket.ErrInvalid)
	}
}

const (
	email = "robot@example.com"
	token = "canary-ATATT3xFfGF0"
)

func TestCheckToken(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		answer string
		want   []error
	}{
		"works":            {200, `{"type":"user","uuid":"{u}"}`, nil},
		"wrong or expired": {401, message("Token is invalid, expired, or not supported for this endpoint."), []error{bitbucket.ErrUnauthorized}},
		"echoed":           {401, message("no " + token + " and no " + basic()), []error{bitbucket.ErrUnauthorized}},
		"lacks the scope": {
			403, `{"error":{"message":"Your credentials lack one or more required privilege scopes.","detail":{"required":["read:user:bitbucket"]}}}`,
			[]error{bitbucket.ErrMissingScope, bitbucket.ErrForbidden},
		},
		"outage":       {503, `{}`, []error{bitbucket.ErrServer, bitbucket.ErrUnavailable}},
		"limited":      {429, `{}`, []error{bitbucket.ErrRateLimited, bitbucket.ErrUnavailable}},
		"a login page": {200, `<html>`, []error{bitbucket.ErrNotJSON, bitbucket.ErrUnavailable}},
		"nothing":      {200, ``, []error{bitbucket.ErrNotJSON, bitbucket.ErrUnavailable}},
		"null":         {200, `null`, []error{bitbucket.ErrUnknownShape, bitbucket.ErrUnavailable}},
		"a list":       {200, `[]`, []error{bitbucket.ErrUnknownShape, bitbucket.ErrUnavailable}},
		"a 200 that is an error": {
			200, `{"type":"error","error":{"message":"Token is invalid"}}`, []error{bitbucket.ErrUnknownShape, bitbucket.ErrUnavailable},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls int
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				user, password, _ := r.BasicAuth()
				if r.Method != http.MethodGet || r.RequestURI != "/2.0/user" || user != email || password != token || r.Header.Get("Accept") != "application/json" {
					t.Errorf("%s %s as %s with %v", r.Method, r.RequestURI, user, r.Header)
				}
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.answer))
			}))
			defer server.Close()
			client := &http.Client{Transport: transport.New(transport.Options{Attempts: 1})}

			err := bitbucket.Account{HTTP: client, BaseURL: server.URL, Email: email, Token: redact.New(token)}.CheckToken(t.Context())

			wantError(t, err, test.want...)
			if err != nil && (!strings.HasPrefix(err.Error(), "check API token: ") || strings.Contains(err.Error(), basic())) {
				t.Errorf("error = %v", err)
			}
			if calls != 1 {
				t.Errorf("%d calls", calls)
			}
		})
	}
}

func TestCheckTokenNeedsBoth(t *testing.T) {
	t.Parallel()
	wantError(t, bitbucket.Account{BaseURL: "http://127.0.0.1:1", Token: redact.New(token)}.CheckToken(t.Context()), bitbucket.ErrInvalid)
	wantError(t, bitbucket.Account{BaseURL: "http://127.0.0.1:1", Email: email}.CheckToken(t.Context()), bitbucket.ErrInvalid)
}

func TestCheckTokenWithoutAClient(t *testing.T) {
	t.Parallel()
	s := newServer(t, step{request: "GET /2.0/user", answer: `{}`})
	if err := (bitbucket.Account{BaseURL: s.URL, Email: email, Token: redact.New(token)}).CheckToken(t.Context()); err != nil {
		t.Error(err)
	}
}

func basic() string { return base64.StdEncoding.EncodeToString([]byte(email + ":" + token)) }
