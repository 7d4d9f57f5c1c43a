package infisical_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

// sent makes a call with the given base URL and returns the URL that it went to.
func sent(t *testing.T, baseURL string) (string, error) {
	t.Helper()
	var target string
	stop := errors.New("stop here")
	client := &infisical.Client{
		BaseURL: baseURL,
		Login:   infisical.UniversalAuth{ClientID: "c", ClientSecret: redact.New("s")},
		HTTP: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			target = req.URL.String()
			return nil, stop
		})},
	}
	_, err := client.Connections(t.Context(), "")
	if errors.Is(err, stop) {
		err = nil
	}
	return target, err
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestBaseURLsLeadToTheAPI(t *testing.T) {
	t.Parallel()
	const login = "/api/v1/auth/universal-auth/login"
	tests := map[string]string{
		"":                                   "https://app.infisical.com" + login,
		infisical.DefaultBaseURL:             "https://app.infisical.com" + login,
		"https://us.infisical.com":           "https://us.infisical.com" + login,
		"https://eu.infisical.com/":          "https://eu.infisical.com" + login,
		"https://eu.infisical.com/api":       "https://eu.infisical.com" + login,
		"https://eu.infisical.com/api/":      "https://eu.infisical.com" + login,
		"https://infisical.example:8443/x/":  "https://infisical.example:8443/x" + login,
		"https://infisical.example/x%2Fy":    "https://infisical.example/x%2Fy" + login,
		"https://infisical.example/x%2F/api": "https://infisical.example/x%2F" + login,
		"http://127.0.0.1:8080":              "http://127.0.0.1:8080" + login,
		"http://[::1]:8080":                  "http://[::1]:8080" + login,
		"http://localhost":                   "http://localhost" + login,
	}
	for base, want := range tests {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			got, err := sent(t, base)
			if err != nil || got != want {
				t.Errorf("sent to %s (%v), want %s", got, err, want)
			}
		})
	}
}

func TestBaseURLsThatCredentialsMustNotReachAreRefused(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"http://infisical.example", "http://127.0.0.1.example", "infisical.example", "ftp://infisical.example", "https://", "https://user:canary@infisical.example",
		"https://infisical.example?canary", "https://infisical.example/#canary", "://canary", "https://canary:%zz@x", "mailto:a@b.co",
	} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			target, err := sent(t, base)
			if target != "" || !errors.Is(err, infisical.ErrInvalid) {
				t.Errorf("sent to %q, error %v; want it refused", target, err)
			}
			mustContain(t, err, "base_url: ", "https://app.infisical.com")
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error repeats a password: %v", err)
			}
		})
	}
}

func TestAMisconfiguredClientListsItsProblems(t *testing.T) {
	t.Parallel()
	client := &infisical.Client{BaseURL: "x", HTTP: &http.Client{}, RootCAs: x509.NewCertPool(), OrganizationSlug: "Team A"}
	err := client.Delete(t.Context(), connectionID)
	if !errors.Is(err, infisical.ErrInvalid) {
		t.Errorf("error = %v", err)
	}
	mustContain(t, err, "base_url: ", "login: is required", "root_cas: ", `organization: "Team A"`)
	// It never logged in, and a second error would stand in front of the one that counts.
	if err := client.Revoke(t.Context()); err != nil {
		t.Errorf("revoke: error = %v", err)
	}
}

// A company's own authority signed the certificate of the server.
func TestACustomAuthorityIsTrusted(t *testing.T) {
	t.Parallel()
	inner := newRecorder(t).on(listPath, many())
	server := httptest.NewUnstartedServer(inner)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	server.StartTLS()
	t.Cleanup(server.Close)
	client := inner.client()
	client.BaseURL = server.URL
	_, err := client.Connections(t.Context(), "")
	mustContain(t, err, "certificate authority")

	file := filepath.Join(t.TempDir(), "ca.pem")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	roots, err := infisical.LoadRootCAs(file)
	if err != nil {
		t.Fatal(err)
	}
	trusting := inner.client()
	trusting.BaseURL, trusting.RootCAs = server.URL, roots
	list(t, trusting)
}

func TestACAFileThatIsNoneIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]struct {
		content string
		says    string
	}{
		"key.pem":  {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no PEM certificate"},
		"empty":    {"", "no PEM certificate"},
		"huge.pem": {strings.Repeat("x", 1<<20+1), "too large"},
	}
	for name, file := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(file.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := infisical.LoadRootCAs(path)
		mustContain(t, err, path, file.says)
	}
	missing := filepath.Join(dir, "missing.pem")
	_, err := infisical.LoadRootCAs(missing)
	mustContain(t, err, missing)
	_, err = infisical.LoadRootCAs(dir)
	mustContain(t, err, dir)
}

func TestTheDefaultClientSendsItsAgent(t *testing.T) {
	t.Parallel()
	server := newRecorder(t).on(listPath, many())
	list(t, server.client())
	if got := server.last().Header.Get("User-Agent"); !strings.HasPrefix(got, "linkersync") {
		t.Errorf("user agent = %q", got)
	}
}
