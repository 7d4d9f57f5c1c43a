package bitbucket_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

// step is one request that a test expects, and its answer.
type step struct {
	// request is method and target, as "GET /2.0/addon/linkers?pagelen=100".
	request string
	// body is what must be sent, byte for byte.
	body string
	// status, header and answer are what the server replies; 0 means 200.
	status int
	header http.Header
	answer string
}

// server expects its steps in order and fails the test on anything else. It
// checks the signature of every request to the API as Bitbucket would.
type server struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	steps []step
}

func newServer(t *testing.T, steps ...step) *server {
	t.Helper()
	s := &server{t: t, steps: steps}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		for _, step := range s.steps {
			t.Errorf("request that was expected and did not come: %s", step.request)
		}
	})
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Errorf("read request: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	got := r.Method + " " + r.RequestURI
	if len(s.steps) == 0 || s.steps[0].request != got {
		s.t.Errorf("unexpected request %s, want %+v", got, s.steps)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	s.check(r, next, string(body))
	for name, values := range next.header {
		w.Header()[name] = values
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	if next.status != 0 {
		w.WriteHeader(next.status)
	}
	_, _ = io.WriteString(w, next.answer)
}

func (s *server) check(r *http.Request, want step, body string) {
	if diff := cmp.Diff(want.body, body); diff != "" {
		s.t.Errorf("%s: body (-want +got):\n%s", want.request, diff)
	}
	got := map[string]string{
		"Authorization": r.Header.Get("Authorization"), "Accept": r.Header.Get("Accept"), "Content-Type": r.Header.Get("Content-Type"),
	}
	headers := map[string]string{"Authorization": "JWT " + tokenFor(r.Method, r.RequestURI), "Accept": "application/json", "Content-Type": ""}
	if r.URL.Path == "/2.0/user" {
		headers["Authorization"] = r.Header.Get("Authorization") // Basic; its test looks at it
	}
	if body != "" {
		headers["Content-Type"] = "application/json"
		if strings.HasPrefix(body, "grant_type=") {
			headers["Content-Type"] = "application/x-www-form-urlencoded"
		}
	}
	if diff := cmp.Diff(headers, got); diff != "" {
		s.t.Errorf("%s: headers (-want +got):\n%s", want.request, diff)
	}
}

// tokenFor is a stand-in for a JWT: bound to method, path and query, with a
// canary for a signature.
func tokenFor(method, target string) string {
	hash := sha256.Sum256([]byte(method + " " + target))
	return "eyJhbGciOiJIUzI1NiJ9." + hex.EncodeToString(hash[:]) + ".canary-signature"
}

func sign(method string, u *url.URL) (redact.Secret, error) {
	target := u.EscapedPath()
	if u.RawQuery != "" {
		target += "?" + u.RawQuery
	}
	return redact.New(tokenFor(method, target)), nil
}

// newClient talks to the server, doesn't wait, and tries once unless told otherwise.
func newClient(t *testing.T, s *server, change ...func(*transport.Options)) *bitbucket.Client {
	t.Helper()
	base := transport.Base()
	t.Cleanup(base.CloseIdleConnections)
	options := transport.Options{Next: base, Attempts: 1, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	for _, change := range change {
		change(&options)
	}
	return &bitbucket.Client{BaseURL: s.URL, AuthURL: s.URL, HTTP: &http.Client{Transport: transport.New(options)}, Sign: sign}
}

// collect reads a listing until it ends or fails.
func collect[T any](seq func(func(T, error) bool)) ([]T, error) {
	var all []T
	for item, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}

// wantError checks which sentinels err is, and that it is none of the others.
func wantError(t *testing.T, err error, want ...error) {
	t.Helper()
	sentinels := []error{
		bitbucket.ErrInvalid, bitbucket.ErrUnauthorized, bitbucket.ErrForbidden, bitbucket.ErrWrongAuthType, bitbucket.ErrMissingScope,
		bitbucket.ErrNotFound, bitbucket.ErrExists, bitbucket.ErrEndpointRemoved, bitbucket.ErrRateLimited, bitbucket.ErrTimeout,
		bitbucket.ErrServer, bitbucket.ErrUnavailable, bitbucket.ErrNotJSON, bitbucket.ErrUnknownShape, bitbucket.ErrForeignPage,
		transport.ErrRedirect, transport.ErrBodyTooLarge, transport.ErrInsecureEndpoint,
	}
	var got, wanted []string
	for _, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			got = append(got, sentinel.Error())
		}
		for _, w := range want {
			if errors.Is(w, sentinel) {
				wanted = append(wanted, sentinel.Error())
			}
		}
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("kinds of %v (-want +got):\n%s", err, diff)
	}
	if len(want) > 0 && err == nil {
		t.Error("no error")
	}
	if err != nil && strings.Contains(err.Error(), "canary") {
		t.Errorf("the error leaks: %v", err)
	}
}
