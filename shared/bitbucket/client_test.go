package bitbucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

func TestDefaultHosts(t *testing.T) {
	t.Parallel()
	var hosts []string
	client := &bitbucket.Client{Sign: sign, HTTP: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		hosts = append(hosts, req.Method+" "+req.URL.String())
		return nil, io.ErrUnexpectedEOF
	})}}
	_ = client.UpdateAddon(t.Context())
	_, _ = client.AccessToken(t.Context())
	_ = bitbucket.Account{HTTP: client.HTTP, Email: "a@example.com", Token: redact.New("token")}.CheckToken(t.Context())
	want := "PUT https://api.bitbucket.org/2.0/addon|POST https://bitbucket.org/site/oauth2/access_token|GET https://api.bitbucket.org/2.0/user"
	if got := strings.Join(hosts, "|"); got != want {
		t.Errorf("called %s, want %s", got, want)
	}
}

func TestHostsThatCredentialsMustNotReach(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://api.bitbucket.org", "https://user:canary@api.bitbucket.org", "https://api.bitbucket.org?x=canary", "api.bitbucket.org", "ftp://127.0.0.1"} {
		client := &bitbucket.Client{BaseURL: base, AuthURL: base, Sign: sign, HTTP: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			t.Errorf("called %s", req.URL)
			return nil, io.ErrUnexpectedEOF
		})}}
		_, tokenErr := client.AccessToken(t.Context())
		_, listErr := collect(client.Linkers(t.Context()))
		_, linkerErr := client.Linker(t.Context(), "jira")
		for _, err := range []error{
			client.UpdateAddon(t.Context()), client.DeleteAddon(t.Context()), tokenErr, listErr, linkerErr,
			client.Workspace(t.Context(), "11111111-2222-4333-8444-555555555555"),
			bitbucket.Account{HTTP: client.HTTP, BaseURL: base, Email: "a@example.com", Token: redact.New("canary")}.CheckToken(t.Context()),
		} {
			wantError(t, err, transport.ErrInsecureEndpoint)
		}
	}
}

// The signature covers the path from the host on, so behind a prefix none would match.
func TestBaseURLWithAPathIsRefused(t *testing.T) {
	t.Parallel()
	client := &bitbucket.Client{BaseURL: "https://proxy.example/bitbucket", Sign: sign}
	if err := client.UpdateAddon(t.Context()); err == nil || !strings.Contains(err.Error(), "want no path") {
		t.Errorf("error = %v", err)
	}
}

func TestNothingIsSentUnsigned(t *testing.T) {
	t.Parallel()
	noKey := errors.New("no key")
	refusing := func(string, *url.URL) (redact.Secret, error) { return redact.Secret{}, noKey }
	first := true
	onlyFirst := func(method string, u *url.URL) (redact.Secret, error) {
		if first {
			first = false
			return sign(method, u)
		}
		return refusing(method, u)
	}
	for name, test := range map[string]struct {
		sign func(string, *url.URL) (redact.Secret, error)
		text string
	}{
		"no signer":                    {nil, "PUT /2.0/addon: the client has no signer"},
		"signer refuses":               {refusing, "PUT /2.0/addon: no key"},
		"signer refuses when it sends": {onlyFirst, "PUT /2.0/addon: make authorization header: no key"},
	} {
		client := newClient(t, newServer(t))
		client.Sign = test.sign
		err := client.UpdateAddon(t.Context())
		wantError(t, err)
		if err == nil || err.Error() != test.text {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

// A token lives three minutes; what is repeated is signed again.
func TestEachAttemptIsSignedAnew(t *testing.T) {
	t.Parallel()
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		if len(seen) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	signed := 0
	client := &bitbucket.Client{
		BaseURL: server.URL,
		HTTP:    &http.Client{Transport: transport.New(transport.Options{Sleep: func(context.Context, time.Duration) error { return nil }})},
		Sign: func(string, *url.URL) (redact.Secret, error) {
			signed++
			return redact.New(fmt.Sprintf("token %d", signed)), nil
		},
	}
	if err := client.UpdateAddon(t.Context()); err != nil {
		t.Fatal(err)
	}
	distinct := map[string]bool{}
	for _, header := range seen {
		distinct[header] = strings.HasPrefix(header, "JWT token ")
	}
	if len(seen) != 3 || len(distinct) != 3 || distinct[""] {
		t.Errorf("headers %q, want three different tokens", seen)
	}
}

func TestOnlySafeCallsAreRepeated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		call     func(context.Context, *bitbucket.Client) error
		attempts int32
	}{
		"create": {func(ctx context.Context, c *bitbucket.Client) error {
			_, err := c.CreateLinkerValue(ctx, "jira", "BB")
			return err
		}, 1},
		"create that the caller marked": {func(ctx context.Context, c *bitbucket.Client) error {
			_, err := c.CreateLinkerValue(transport.Repeatable(ctx), "jira", "BB")
			return err
		}, 2},
		"bulk update": {func(ctx context.Context, c *bitbucket.Client) error {
			return c.UpdateLinkerValues(ctx, "jira", []string{"BB"})
		}, 2},
		"delete": {func(ctx context.Context, c *bitbucket.Client) error { return c.DeleteLinkerValue(ctx, "jira", 1) }, 2},
		"access token, though it is a POST": {func(ctx context.Context, c *bitbucket.Client) error {
			_, err := c.AccessToken(ctx)
			return err
		}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var attempts atomic.Int32
			failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				attempts.Add(1)
				w.WriteHeader(http.StatusBadGateway)
			}))
			defer failing.Close()
			client := newClient(t, &server{Server: failing}, func(o *transport.Options) { o.Attempts = 2 })
			wantError(t, test.call(t.Context(), client), bitbucket.ErrServer, bitbucket.ErrUnavailable)
			if got := attempts.Load(); got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
		})
	}
}

func TestRedirectsGetNoCredentials(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("redirect was followed with %s", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	for name, httpClient := range map[string]*http.Client{
		"a client of the caller's": server.Client(), "package transport": {Transport: transport.New(transport.Options{})},
	} {
		client := &bitbucket.Client{BaseURL: server.URL, AuthURL: server.URL, Sign: sign, HTTP: httpClient}
		_, err := client.AccessToken(t.Context())
		wantError(t, err, transport.ErrRedirect)
		if !strings.Contains(err.Error(), "answer 307") {
			t.Errorf("%s: error = %v", name, err)
		}
		wantError(t, client.UpdateAddon(t.Context()), transport.ErrRedirect)
		wantError(t, bitbucket.Account{HTTP: httpClient, BaseURL: server.URL, Email: "a@example.com", Token: redact.New("canary")}.CheckToken(t.Context()), transport.ErrRedirect)
	}
}

// The zero Client with a signer works, against the real stack, and so does one with a
// client that was made without package transport.
func TestAnyHTTPClientSigns(t *testing.T) {
	t.Parallel()
	deleted := step{request: "DELETE /2.0/addon", status: 204}
	s := newServer(t, deleted, deleted, deleted)
	own := &bitbucket.Client{BaseURL: s.URL, Sign: sign}
	for _, client := range []*bitbucket.Client{own, own, {BaseURL: s.URL, Sign: sign, HTTP: s.Client()}} {
		if err := client.DeleteAddon(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
