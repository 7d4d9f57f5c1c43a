package infisical_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
)

// sentinels are all meanings; an error is checked to have the wanted ones and no other.
func sentinels() map[string]error {
	return map[string]error{
		"ErrInvalid": infisical.ErrInvalid, "ErrNotFound": infisical.ErrNotFound, "ErrUnknownProject": infisical.ErrUnknownProject,
		"ErrNameTaken": infisical.ErrNameTaken, "ErrWrongApp": infisical.ErrWrongApp, "ErrInUse": infisical.ErrInUse,
		"ErrBusy": infisical.ErrBusy, "ErrProjectType": infisical.ErrProjectType, "ErrPlan": infisical.ErrPlan,
		"ErrUnknownFolder": infisical.ErrUnknownFolder, "ErrDuplicateTarget": infisical.ErrDuplicateTarget,
		"ErrBadCredentials": infisical.ErrBadCredentials, "ErrBitbucketUnavailable": infisical.ErrBitbucketUnavailable,
		"ErrLoginRefused": infisical.ErrLoginRefused, "ErrLockedOut": infisical.ErrLockedOut,
		"ErrSubjectRefused": infisical.ErrSubjectRefused, "ErrAudienceRefused": infisical.ErrAudienceRefused,
		"ErrTokenExpired": infisical.ErrTokenExpired, "ErrUnauthorized": infisical.ErrUnauthorized, "ErrPermission": infisical.ErrPermission,
		"ErrRateLimited": infisical.ErrRateLimited, "ErrServer": infisical.ErrServer, "ErrUnsupported": infisical.ErrUnsupported,
		"ErrUnexpectedAnswer": infisical.ErrUnexpectedAnswer,
	}
}

func checkKinds(t *testing.T, err error, want ...string) {
	t.Helper()
	wanted := map[string]bool{}
	for _, name := range want {
		wanted[name] = true
	}
	for name, sentinel := range sentinels() {
		if errors.Is(err, sentinel) != wanted[name] {
			t.Errorf("errors.Is(%s) = %v, want %v; error: %v", name, !wanted[name], wanted[name], err)
		}
	}
}

func mustContain(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

// answers are the rows of the server's error table for calls with a token.
func answers() map[string]struct {
	reply reply
	kinds []string
	says  []string
} {
	type row = struct {
		reply reply
		kinds []string
		says  []string
	}
	const axios = `"Failed to validate credentials: `
	return map[string]row{
		"bad token":               {refuse(400, "BadRequest", axios+`Request failed with status code 401"`), []string{"ErrBadCredentials"}, []string{"still valid", "status code 401"}},
		"token without scope":     {refuse(400, "BadRequest", axios+`Request failed with status code 403"`), []string{"ErrBadCredentials"}, []string{"read:user:bitbucket"}},
		"Bitbucket down":          {refuse(400, "BadRequest", axios+`Request failed with status code 503"`), []string{"ErrBitbucketUnavailable"}, []string{"try again later"}},
		"Bitbucket's rate limit":  {refuse(400, "BadRequest", axios+`Request failed with status code 429"`), []string{"ErrBitbucketUnavailable"}, nil},
		"Bitbucket unreachable":   {refuse(400, "BadRequest", axios+`getaddrinfo ENOTFOUND api.bitbucket.org"`), []string{"ErrBitbucketUnavailable"}, nil},
		"Bitbucket too slow":      {refuse(400, "BadRequest", axios+`timeout of 5000ms exceeded"`), []string{"ErrBitbucketUnavailable"}, nil},
		"credentials not checked": {refuse(400, "BadRequest", `"Unable to validate connection: verify credentials"`), []string{"ErrBadCredentials"}, nil},
		"unknown project":         {refuse(400, "BadRequest", `"Could not find project with ID p-1"`), []string{"ErrUnknownProject"}, []string{"not its name or slug"}},
		"in use":                  {refuse(400, "BadRequest", `"Cannot delete App Connection with existing connections. Remove all existing connections and try again."`), []string{"ErrInUse"}, []string{"secret syncs"}},
		"wrong app by id":         {refuse(400, "BadRequest", `"App Connection with ID x is not for App \"bitbucket\""`), []string{"ErrWrongApp"}, []string{`not for App "bitbucket"`}},
		"wrong app by name":       {refuse(400, "BadRequest", `"App Connection with name x is not for App \"bitbucket\""`), []string{"ErrWrongApp"}, nil},
		"another bad request":     {refuse(400, "BadRequest", `"Cannot update credentials or management status for platform managed connections"`), []string{"ErrInvalid"}, []string{"platform managed"}},
		"bad request with issues": {refuse(400, "BadRequest", `[{"code":"custom","path":["name"],"message":"nope"}]`), []string{"ErrInvalid"}, []string{"name: nope"}},
		"no token":                {refuse(401, "UnauthorizedError", `"Token missing"`), []string{"ErrUnauthorized"}, []string{"Token missing"}},
		"revoked token":           {refuse(401, "UnauthorizedError", `"No identity access token found"`), []string{"ErrTokenExpired"}, []string{"a new login didn't help"}},
		"expired token":           {refuse(403, "TokenError", `"Your token has expired. Please re-authenticate."`), []string{"ErrTokenExpired"}, nil},
		"malformed token":         {refuse(403, "TokenError", `"The provided access token is malformed. Please use a valid token or generate a new one and try again."`), []string{"ErrUnauthorized"}, nil},
		"token of another server": {refuse(403, "TokenError", `"invalid signature"`), []string{"ErrUnauthorized"}, nil},
		"permission denied":       {reply{status: 403, body: `{"reqId":"req-1","statusCode":403,"error":"PermissionDenied","message":"You are not allowed to create on app-connections","details":[{"action":"read"}]}`}, []string{"ErrPermission"}, []string{"create on app-connections", "role"}},
		"people only":             {refuse(403, "Forbidden access to /api/v1/app-connections/bitbucket/x/workspaces", `"You are not allowed to access this resource"`), []string{"ErrPermission"}, []string{"machine identities"}},
		"forbidden otherwise":     {refuse(403, "ForbiddenError", `"Your IP is not allowed"`), []string{"ErrPermission"}, []string{"Your IP"}},
		"missing by id":           {refuse(404, "NotFound", `"Could not find App Connection with ID x"`), []string{"ErrNotFound"}, nil},
		"missing by name":         {refuse(404, "NotFound", `"Could not find App Connection with name project-x in project scope."`), []string{"ErrNotFound"}, nil},
		"missing project":         {refuse(404, "NotFound", `"Project with ID p-1 not found"`), []string{"ErrUnknownProject"}, nil},
		"missing in new words":    {refuse(404, "NotFound", `"The requested entity is not found"`), []string{"ErrNotFound"}, nil},
		"too old a server":        {reply{status: 404, body: `{"message":"Route GET:/api/v1/app-connections/bitbucket not found","error":"Not Found","statusCode":404}`}, []string{"ErrUnsupported"}, []string{"upgrade"}},
		"somebody's 404 page":     {reply{status: 404, body: "<h1>404</h1>"}, []string{"ErrUnexpectedAnswer"}, []string{"404", "proxy"}},
		"somebody's 404 object":   {reply{status: 404, body: `{"detail":"no"}`}, []string{"ErrUnexpectedAnswer"}, nil},
		"somebody's 401":          {reply{status: 401, body: "authenticate to the proxy"}, []string{"ErrUnexpectedAnswer"}, nil},
		"somebody's 401 object":   {reply{status: 401, body: `{"detail":"no"}`}, []string{"ErrUnexpectedAnswer"}, nil},
		"somebody's 403":          {reply{status: 403, body: `"blocked"`}, []string{"ErrUnexpectedAnswer"}, nil},
		"a status of its own":     {refuse(418, "Teapot", `"short"`), []string{"ErrUnexpectedAnswer"}, nil},
		"issues":                  {refuse(422, "ValidationFailure", `[{"code":"too_small","path":["credentials","email"],"message":"Email required"},{"path":["tags",0],"message":"Bad"}]`), []string{"ErrInvalid"}, []string{"credentials.email: Email required", "tags[0]: Bad"}},
		"rate limit":              {refuse(429, "RateLimitExceeded", `"Rate limit exceeded. Please try again in 12 seconds"`), []string{"ErrRateLimited"}, []string{"12 seconds"}},
		"a proxy's rate limit":    {reply{status: 429, body: "slow down"}, []string{"ErrRateLimited"}, nil},
		"internal error":          {refuse(500, "InternalServerError", `"Something went wrong"`), []string{"ErrServer"}, []string{"req-abc123", "try again later"}},
		"database error":          {refuse(500, "DatabaseError", `"Something went wrong"`), []string{"ErrServer"}, nil},
		"a proxy's outage":        {reply{status: 502, body: "<html>Bad Gateway</html>"}, []string{"ErrServer"}, []string{"502"}},
		"gateway timeout":         {refuse(504, "GatewayTimeoutError", `"Timeout error"`), []string{"ErrServer"}, nil},
	}
}

func TestEveryAnswerHasItsMeaning(t *testing.T) {
	t.Parallel()
	for title, test := range answers() {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(createPath, test.reply)
			_, err := server.client().Create(t.Context(), newConnection())
			checkKinds(t, err, test.kinds...)
			mustContain(t, err, append(test.says, `create connection "bitbucket-main"`)...)
			var failed *infisical.APIError
			if !errors.As(err, &failed) {
				t.Fatalf("error = %v, want an APIError", err)
			}
			if failed.Status != test.reply.status || failed.Method != http.MethodPost || failed.Path != "/api/v1/app-connections/bitbucket" {
				t.Errorf("error is of %s %s, status %d", failed.Method, failed.Path, failed.Status)
			}
		})
	}
}

func TestAnErrorKeepsTheAnswersFields(t *testing.T) {
	t.Parallel()
	limited := refuse(429, "RateLimitExceeded", `"Rate limit exceeded"`)
	limited.header = http.Header{"Retry-After": {"90"}}
	server := newRecorder(t).on(listPath, limited)
	_, err := server.client().Connections(t.Context(), "")
	var failed *infisical.APIError
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	type fields struct {
		Code, Message, RequestID string
		RetryAfter               time.Duration
	}
	got := fields{failed.Code, failed.Message, failed.RequestID, failed.RetryAfter}
	want := fields{"RateLimitExceeded", "Rate limit exceeded", "req-abc123", 90 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestIssuesBecomeOneReadableList(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		message string
		want    []infisical.Issue
	}{
		"paths of keys and indexes": {
			`[{"path":["a","b",2,"c"],"message":"m"},{"path":[],"message":"whole"},{"message":"no path"}]`,
			[]infisical.Issue{{Path: "a.b[2].c", Message: "m"}, {Message: "whole"}, {Message: "no path"}},
		},
		"alternatives of a union, each thing once": {
			`[{"code":"invalid_union","path":["gatewayId"],"message":"Invalid input","unionErrors":[
				{"issues":[{"path":["gatewayId"],"message":"Not supported for Bitbucket Connections"}],"name":"ZodError"},
				{"issues":[{"path":["gatewayId"],"message":"Not supported for Bitbucket Connections"}],"name":"ZodError"}]}]`,
			[]infisical.Issue{{Path: "gatewayId", Message: "Not supported for Bitbucket Connections"}},
		},
		"an issue without words": {`[{"path":["x"]}]`, []infisical.Issue{{Path: "x", Message: "is invalid"}}},
		"words of another type":  {`[{"path":[{"a":1},null],"message":{"a":1}}]`, []infisical.Issue{{Message: "is invalid"}}},
		"not a list of issues":   {`{"a":1}`, nil},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, refuse(422, "ValidationFailure", test.message))
			_, err := server.client().Connections(t.Context(), "")
			var failed *infisical.APIError
			if !errors.As(err, &failed) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, failed.Issues); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestServersTextsAreBoundedAndOfOneLine(t *testing.T) {
	t.Parallel()
	issue := `{"path":["` + strings.Repeat("p", 5000) + `"],"message":"` + strings.Repeat("m", 5000) + `"}`
	issues := make([]string, 300)
	for i := range issues {
		issues[i] = strings.Replace(issue, "mm", strings.Repeat("n", i+1), 1)
	}
	messages := map[string]string{
		"a long text":     `"` + strings.Repeat("m", 100_000) + `"`,
		"long issues":     "[" + strings.Join(issues, ",") + "]",
		"control":         `"a\u001b[31m\nb\r\tc\u0000\u202e\u0085d"`,
		"invalid UTF-8":   "\"a\xffb\xc0\xaf\"",
		"nested unions":   strings.Repeat(`[{"unionErrors":[{"issues":`, 50) + `[]` + strings.Repeat(`}]}]`, 50),
		"nested to death": strings.Repeat(`[`, 100_000),
	}
	for title, message := range messages {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, refuse(422, "Code", message))
			_, err := server.client().Connections(t.Context(), "")
			checkText(t, err)
		})
	}
}

func TestCancelledCallsSaySo(t *testing.T) {
	t.Parallel()
	t.Run("before the login", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := newRecorder(t).client().Connections(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want context.Canceled", err)
		}
	})
	t.Run("in a call", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		client := newRecorder(t).client()
		client.HTTP = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			cancel()
			return nil, req.Context().Err()
		})}
		_, err := client.Connections(ctx, "")
		if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "check the base URL") {
			t.Errorf("error = %v, want context.Canceled without advice", err)
		}
	})
}
