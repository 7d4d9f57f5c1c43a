package bitbucket_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/transport"
)

func message(text string) string { return `{"type":"error","error":{"message":"` + text + `"}}` }

func TestErrorsAreTyped(t *testing.T) {
	t.Parallel()
	plain := http.Header{"Content-Type": {"text/plain"}}
	html := http.Header{"Content-Type": {"text/html"}}
	b := struct{ inv, unauth, forb, auth, scope, nf, ex, rm, rl, to, srv, un, nj error }{
		bitbucket.ErrInvalid, bitbucket.ErrUnauthorized, bitbucket.ErrForbidden, bitbucket.ErrWrongAuthType, bitbucket.ErrMissingScope,
		bitbucket.ErrNotFound, bitbucket.ErrExists, bitbucket.ErrEndpointRemoved, bitbucket.ErrRateLimited, bitbucket.ErrTimeout,
		bitbucket.ErrServer, bitbucket.ErrUnavailable, bitbucket.ErrNotJSON,
	}
	tests := map[string]struct {
		status int
		header http.Header
		body   string
		want   []error
		text   string
	}{
		"invalid input": {400, nil, message("Invalid input."), []error{b.inv}, "400 Bad Request: Invalid input.: input isn't valid"},
		"bad signature": {401, nil, message("Token is invalid"), []error{b.unauth}, "401 Unauthorized: Token is invalid: the credentials are not accepted"},
		"wrong kind of credentials": {
			403, nil, message("This API is only accessible with the following authentication types: jwt"),
			[]error{b.auth, b.forb},
			"403 Forbidden: This API is only accessible with the following authentication types: jwt: this endpoint takes only the JWT",
		},
		"missing scope, named in an object": {
			403, nil,
			`{"type":"error","error":{"message":"Your credentials lack one or more required privilege scopes.","detail":{"required":["read:user:bitbucket"],"granted":[]}}}`,
			[]error{b.scope, b.forb},
			"required privilege scopes: needs read:user:bitbucket: the token lacks a scope",
		},
		"forbidden for another reason":   {403, nil, message("Access denied"), []error{b.forb}, "403 Forbidden: Access denied: the credentials don't permit this"},
		"unknown linker":                 {404, nil, message("The linker does not exist."), []error{b.nf}, "404 Not Found: The linker does not exist.: not found"},
		"value that is there already":    {409, nil, message("The linker already has the value being added."), []error{b.ex}, "exists already"},
		"removed":                        {410, nil, message("CHANGE-2770 - Functionality has been deprecated"), []error{b.rm}, "410 Gone: CHANGE-2770"},
		"removed without a word":         {410, nil, "", []error{b.rm}, "410 Gone: the endpoint is not offered by Bitbucket"},
		"removed, told as a 404":         {404, nil, message("CHANGE-2770 - Functionality has been deprecated"), []error{b.rm}, "404 Not Found: CHANGE-2770"},
		"removed, by another change":     {404, nil, message("CHANGE-3081: see the changelog"), []error{b.rm}, "404 Not Found: CHANGE-3081"},
		"removed, told in the detail":    {404, nil, `{"type":"error","error":{"message":"Resource not found","detail":"There is no API hosted at this URL."}}`, []error{b.rm}, "Resource not found: There is no API hosted at this URL."},
		"rate limited, as it was seen":   {429, plain, "Rate limit for this resource has been exceeded", []error{b.rl, b.un, b.nj}, "429 Too Many Requests: Rate limit for this resource has been exceeded: the rate limit"},
		"timeout of Bitbucket's own":     {555, html, "<html>", []error{b.to, b.srv, b.un, b.nj}, ": 555: it took Bitbucket too long"},
		"timeout of a gateway":           {504, html, "<html>", []error{b.to, b.srv, b.un, b.nj}, "504 Gateway Timeout"},
		"server error":                   {500, nil, message("Something went wrong"), []error{b.srv, b.un}, "500 Internal Server Error: Something went wrong"},
		"server error with a web page":   {503, html, "<html><body>Atlassian</body></html>", []error{b.srv, b.un, b.nj}, "503 Service Unavailable: the fault is on Bitbucket's side"},
		"something without a name":       {418, nil, message("I'm a teapot"), nil, "418 I'm a teapot: I'm a teapot"},
		"JSON that isn't an error":       {400, nil, `[1,2]`, []error{b.inv}, "400 Bad Request: input isn't valid"},
		"an error that isn't an object":  {400, nil, `{"error":17}`, []error{b.inv}, "400 Bad Request: input isn't valid"},
		"detail without scopes":          {400, nil, `{"error":{"message":"m","detail":{"required":[]}}}`, []error{b.inv}, "400 Bad Request: m: input"},
		"a detail of another kind":       {400, nil, `{"error":{"message":"m","detail":17}}`, []error{b.inv}, "400 Bad Request: m: input"},
		"OAuth, without a description":   {400, nil, `{"error":"invalid_grant","error_description":17}`, []error{b.inv}, "400 Bad Request: invalid_grant: input"},
		"control characters in the text": {400, nil, `{"error":{"message":"line\nbreak \u001b[31mred\u202e"}}`, []error{b.inv}, "line break [31mred: input"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, step{request: "GET /2.0/addon/linkers/jira", status: test.status, header: test.header, answer: test.body})

			_, err := newClient(t, s).Linker(t.Context(), "jira")

			wantError(t, err, test.want...)
			if err == nil || !strings.HasPrefix(err.Error(), "GET /2.0/addon/linkers/jira: ") || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error = %v\nwant it to have %q", err, test.text)
			}
			if strings.ContainsAny(err.Error(), "<\n\x1b\u202e") || strings.Contains(err.Error(), "request id") {
				t.Errorf("error has markup, control characters or an id that wasn't sent: %q", err)
			}
		})
	}
}

func TestErrorNamesTheRequestID(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"X-B3-Traceid", "Atl-Traceid", "X-Request-Id"} {
		s := newServer(t, step{request: "DELETE /2.0/addon", status: 500, header: http.Header{name: {"id-of-" + name}}})
		err := newClient(t, s).DeleteAddon(t.Context())
		if err == nil || !strings.HasSuffix(err.Error(), "(request id id-of-"+name+")") {
			t.Errorf("error = %v", err)
		}
	}
}

func TestErrorKeepsWhatSupportAndCallersNeed(t *testing.T) {
	t.Parallel()
	s := newServer(t, step{request: "PUT /2.0/addon", body: "{}", status: 429, answer: strings.Repeat("x", 1000), header: http.Header{
		"Content-Type": {"text/plain; charset=utf-8"}, "X-B3-Traceid": {"1a4e3ec6e8f2fe21"}, "Retry-After": {"Tue, 01 Dec 2026 12:01:30 GMT"},
	}})
	client := newClient(t, s)
	client.Now = func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) }

	err := client.UpdateAddon(t.Context())

	want := &bitbucket.APIError{
		Method: "PUT", Path: "/2.0/addon", Status: 429, RequestID: "1a4e3ec6e8f2fe21", RetryAfter: 90 * time.Second,
		NotJSON: true, Message: strings.Repeat("x", 300) + "…",
	}
	var got *bitbucket.APIError
	if !errors.As(err, &got) {
		t.Fatalf("error %T, want *APIError", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(err.Error(), "(request id 1a4e3ec6e8f2fe21)") {
		t.Errorf("error text = %v", err)
	}
}

// A server may echo what it was sent; it must not end up in a log.
func TestErrorsHideCredentialsThatAreEchoed(t *testing.T) {
	t.Parallel()
	token := tokenFor("PUT", "/2.0/addon")
	for name, s := range map[string]step{
		"in JSON":    {status: 401, answer: `{"error":{"message":"bad token ` + token + `","detail":"JWT ` + token + `"}}`},
		"as text":    {status: 429, answer: "limit for " + token, header: http.Header{"Content-Type": {"text/plain"}}},
		"in an id":   {status: 500, answer: `{}`, header: http.Header{"X-Request-Id": {token}}},
		"OAuth code": {status: 400, answer: `{"error":"` + token + `","error_description":"` + token + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.request, s.body = "PUT /2.0/addon", "{}"
			err := newClient(t, newServer(t, s)).UpdateAddon(t.Context())
			if err == nil || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "canary") {
				t.Errorf("error = %v", err)
			}
		})
	}
}

// A text of any length costs little, and none of its words is cut in two.
func TestALongTextIsLookedAtInPart(t *testing.T) {
	t.Parallel()
	token := tokenFor("PUT", "/2.0/addon")
	for name, test := range map[string]struct{ text, want string }{
		"words":                   {"slow down " + strings.Repeat("a.b ", 1<<16), "slow down a.b"},
		"just short enough":       {strings.Repeat("a", 300), strings.Repeat("a", 300) + ": the rate limit"},
		"a single word":           {strings.Repeat("a", 1<<18), "the rate limit"},
		"a credential at the cut": {"slow down" + strings.Repeat(" ", 16<<10-len(token)/2) + token + " now", "slow down"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, step{
				request: "PUT /2.0/addon", body: "{}", status: 429, answer: test.text, header: http.Header{"Content-Type": {"text/plain"}},
			})
			err := newClient(t, s).UpdateAddon(t.Context())
			if err == nil || !strings.Contains(err.Error(), "429 Too Many Requests: "+test.want) || strings.Contains(err.Error(), token[:20]) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

// TestA404AboutSomethingElse: incidents and deleted workspaces answer so, too.
func TestA404AboutSomethingElse(t *testing.T) {
	t.Parallel()
	for text, linker := range map[string]bool{
		"The linker does not exist.": true, "Not found": false, "No workspace with identifier 'example'.": false, "This workspace has been removed": false,
	} {
		s := newServer(t, step{request: "GET /2.0/addon/linkers?pagelen=100", status: 404, answer: message(text)})
		_, err := collect(newClient(t, s).Linkers(t.Context()))
		if !errors.Is(err, bitbucket.ErrNotFound) || errors.Is(err, bitbucket.ErrEndpointRemoved) || errors.Is(err, bitbucket.ErrNoLinker) != linker {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNoAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	late := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithDeadline(ctx, time.Unix(0, 0))
	}
	cancelled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, cancel
	}
	tests := map[string]struct {
		context func(context.Context) (context.Context, context.CancelFunc)
		fail    error
		want    []error
	}{
		"connection refused": {context.WithCancel, &net.OpError{Op: "dial", Err: errors.New("connection refused")}, []error{bitbucket.ErrUnavailable}},
		"attempt timed out":  {context.WithCancel, context.DeadlineExceeded, []error{bitbucket.ErrUnavailable, bitbucket.ErrTimeout}},
		"no time left":       {late, nil, []error{bitbucket.ErrUnavailable, bitbucket.ErrTimeout}},
		"called off":         {cancelled, nil, nil},
		"body too large":     {context.WithCancel, transport.ErrBodyTooLarge, []error{transport.ErrBodyTooLarge}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, newServer(t), func(o *transport.Options) {
				o.Next = roundTripper(func(req *http.Request) (*http.Response, error) {
					if err := req.Context().Err(); err != nil {
						return nil, err
					}
					return nil, test.fail
				})
			})
			ctx, cancel := test.context(t.Context())
			defer cancel()
			err := client.UpdateAddon(ctx)
			wantError(t, err, test.want...)
			if err == nil || !strings.HasPrefix(err.Error(), "PUT /2.0/addon: ") || strings.Count(err.Error(), "/2.0/addon") != 1 {
				t.Errorf("error = %v, want the call named once", err)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
