package transport_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/transport"
)

func TestEndpointAcceptsOnlyWhatCredentialsMayBeSentTo(t *testing.T) {
	t.Parallel()
	accepted := map[string]string{
		"https://api.bitbucket.org":       "https://api.bitbucket.org",
		"https://api.bitbucket.org/":      "https://api.bitbucket.org",
		"https://infisical.example/base/": "https://infisical.example/base",
		"https://infisical.example:8443":  "https://infisical.example:8443",
		"http://127.0.0.1:8080":           "http://127.0.0.1:8080",
		"http://127.8.9.1":                "http://127.8.9.1",
		"http://[::1]:8080":               "http://[::1]:8080",
		"http://localhost:8080":           "http://localhost:8080",
		"https://example.com/a%2Fb":       "https://example.com/a%2Fb",
	}
	for raw, want := range accepted {
		u, err := transport.Endpoint(raw)
		if err != nil {
			t.Errorf("Endpoint(%q): %v", raw, err)
		} else if u.String() != want {
			t.Errorf("Endpoint(%q) = %s, want %s", raw, u, want)
		}
	}
	refused := []string{
		"", "api.bitbucket.org", "http://api.bitbucket.org", "http://localhost.evil.example", "http://10.0.0.1", "http://0.0.0.0",
		"http://127.0.0.1.evil.example", "ftp://127.0.0.1", "file:///etc/passwd", "https://", "https://:443", "https:///path",
		"https://user:canary@api.bitbucket.org", "http://user:canary@127.0.0.1", "https://x/?canary", "https://x/?", "https://x/#canary",
		"https:/user:canary@x", "https:?canary", "https:#canary", "https://user:canary@a b", "https://%zz:canary@x", "://canary",
	}
	for _, raw := range refused {
		u, err := transport.Endpoint(raw)
		if !errors.Is(err, transport.ErrInsecureEndpoint) {
			t.Errorf("Endpoint(%q) = %v, %v; want it refused", raw, u, err)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("Endpoint(%q) leaks: %v", raw, err)
		}
	}
}

func TestEndpointQuotesWhatHasNoHost(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "api.bitbucket.org", "https://", "https://:443", "localhost:8080"} {
		if _, err := transport.Endpoint(raw); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("base URL %q: want one with a host", raw)) {
			t.Errorf("Endpoint(%q) = %v", raw, err)
		}
	}
}

func TestBaseIsBounded(t *testing.T) {
	t.Parallel()
	base := transport.Base()
	if base.TLSClientConfig.MinVersion < tls.VersionTLS12 || base.TLSClientConfig.InsecureSkipVerify {
		t.Error("TLS is too weak")
	}
	for name, timeout := range map[string]time.Duration{
		"TLS handshake": base.TLSHandshakeTimeout, "response header": base.ResponseHeaderTimeout, "idle": base.IdleConnTimeout,
	} {
		if timeout < 5*time.Second || timeout > 5*time.Minute {
			t.Errorf("%s time-out of %v", name, timeout)
		}
	}
	// 32 workers of a fan-out keep their connections, and a small header isn't refused.
	if base.MaxIdleConnsPerHost < 32 || base.MaxResponseHeaderBytes < 16<<10 || !base.ForceAttemptHTTP2 {
		t.Error("the pool, the headers or HTTP/2 are cut too short")
	}
	if base.MaxResponseHeaderBytes > 1<<20 || base.MaxIdleConns <= 0 || base.MaxIdleConnsPerHost > base.MaxIdleConns {
		t.Error("headers or idle connections aren't bounded")
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		wait time.Duration
		ok   bool
	}{
		"":                              {0, false},
		"0":                             {0, true},
		"120":                           {2 * time.Minute, true},
		"-1":                            {0, false},
		"1.5":                           {0, false},
		"soon":                          {0, false},
		"999999999999":                  {24 * time.Hour, true},
		"99999999999999999999999":       {0, false},
		"Tue, 01 Dec 2026 12:00:30 GMT": {30 * time.Second, true},
		"Tue, 01 Dec 2026 11:00:00 GMT": {0, true},
		"Tue, 01 Dec 2099 12:00:00 GMT": {24 * time.Hour, true},
	}
	for value, want := range tests {
		wait, ok := transport.RetryAfter(http.Header{"Retry-After": {value}}, now)
		if wait != want.wait || ok != want.ok {
			t.Errorf("RetryAfter(%q) = %v, %v; want %v, %v", value, wait, ok, want.wait, want.ok)
		}
	}
}
