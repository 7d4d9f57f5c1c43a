package infisical_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

func granted(token, expiresIn string) reply {
	return ok(`{"accessToken":"` + token + `","expiresIn":` + expiresIn + `,"accessTokenMaxTTL":2592000,"tokenType":"Bearer"}`)
}

func list(t *testing.T, c *infisical.Client) {
	t.Helper()
	if _, err := c.Connections(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
}

func TestOneLoginServesUntilAMinuteBeforeItsEnd(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		expiresIn string
		last      time.Duration // still the first login's
		next      time.Duration // the second one's
	}{
		"an hour":                 {"3600", 59*time.Minute - time.Second, 59 * time.Minute},
		"a fraction":              {"3600.5", 59 * time.Minute, 59*time.Minute + time.Second},
		"less than two minutes":   {"60", 29 * time.Second, 30 * time.Second},
		"longer than is possible": {"1e300", 87599*time.Hour + 58*time.Minute, 87600 * time.Hour},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, many()).on(loginPath, granted("first", test.expiresIn), granted("second", test.expiresIn))
			client := server.client()
			list(t, client)
			server.advance(test.last)
			list(t, client)
			if got := server.last().Header.Get("Authorization"); got != "Bearer first" {
				t.Errorf("after %v: %s, want the first login's", test.last, got)
			}
			server.advance(test.next - test.last)
			list(t, client)
			if got := server.last().Header.Get("Authorization"); got != "Bearer second" {
				t.Errorf("after %v: %s, want a second login's", test.next, got)
			}
			if n := server.count("POST /api/v1/auth/token/renew"); n != 0 {
				t.Errorf("renewed %d times", n)
			}
		})
	}
}

func TestATokenWithoutEndIsKept(t *testing.T) {
	t.Parallel()
	server := newRecorder(t).on(listPath, many()).on(loginPath, granted("ending", "3600"), granted("endless", "0"))
	client := server.client()
	list(t, client)
	server.advance(time.Hour)
	list(t, client)
	server.advance(50 * 365 * 24 * time.Hour)
	list(t, client)
	if n := server.count(loginPath); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
	if err := client.Revoke(t.Context()); err != nil || server.count(revokePath) != 1 {
		t.Errorf("revoked %d times (%v), want once", server.count(revokePath), err)
	}
}

func TestParallelCallsShareOneLogin(t *testing.T) {
	t.Parallel()
	server := newRecorder(t).on(listPath, many())
	client := server.client()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := client.Connections(t.Context(), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if logins, lists := server.count(loginPath), server.count(listPath); logins != 1 || lists != 20 {
		t.Errorf("%d logins and %d lists, want 1 and 20", logins, lists)
	}
}

// A caller may give up waiting for a login that another call is making.
func TestWaitingForALoginEndsWithItsContext(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	server := newRecorder(t).on(listPath, many()).on("POST /api/v1/auth/oidc-auth/login", granted("t", "60"))
	client := server.client()
	client.Login = infisical.OIDCAuth{IdentityID: identityID, Token: func(context.Context) (redact.Secret, error) {
		close(asked)
		<-release
		return redact.New(idToken(`{}`)), nil
	}}
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := client.Connections(t.Context(), ""); err != nil {
			t.Error(err)
		}
	})
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Connections(ctx, "")
	close(release)
	first.Wait()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

func TestARefusedLoginIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	locked := refuse(401, "UnauthorizedError", `"This identity auth method is temporarily locked, please try again later"`)
	wrong := refuse(401, "UnauthorizedError", `"Invalid credentials"`)
	contended := refuse(429, "RateLimitExceeded", `"Failed to acquire lock: rate limit exceeded"`)
	for title, refusal := range map[string]reply{"locked out": locked, "wrong secret": wrong, "wrong secrets at once": contended} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, many()).on(loginPath, refusal, granted("late", "3600"))
			client := server.client()
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					if _, err := client.Connections(t.Context(), ""); !errors.Is(err, infisical.ErrLoginRefused) {
						t.Errorf("error = %v, want ErrLoginRefused", err)
					}
				})
			}
			all.Wait()
			server.advance(5*time.Minute - time.Second)
			if _, err := client.Connections(t.Context(), ""); !errors.Is(err, infisical.ErrLoginRefused) {
				t.Errorf("within the lock-out: error = %v, want ErrLoginRefused", err)
			}
			if n := server.count(loginPath); n != 1 {
				t.Errorf("%d logins, want 1", n)
			}
			// A function that lives for hours must notice the corrected secret.
			server.advance(time.Second)
			list(t, client)
		})
	}
}

// An outage isn't a refusal: the next call may find it over.
func TestALoginThatFailedOtherwiseIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := newRecorder(t).on(listPath, many()).on(loginPath, reply{status: 502}, granted("t", "3600"))
	client := server.client()
	if _, err := client.Connections(t.Context(), ""); !errors.Is(err, infisical.ErrServer) {
		t.Fatalf("error = %v, want ErrServer", err)
	}
	list(t, client)
}

// A login is repeated when the one before certainly spent none of a secret's uses.
func TestALoginThatSpentNothingIsRepeated(t *testing.T) {
	t.Parallel()
	for title, test := range map[string]struct {
		answer reply
		logins int
	}{
		"503 of a load balancer":   {reply{status: 503, body: "<html>"}, 2},
		"503 in the envelope":      {refuse(503, "InternalServerError", `"Something went wrong"`), 1},
		"502, it may have counted": {reply{status: 502}, 1},
		"a refusal":                {refuse(401, "UnauthorizedError", `"Invalid credentials"`), 1},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, many()).on(loginPath, test.answer, granted("t", "3600"))
			_, err := server.client().Connections(t.Context(), "")
			if n := len(slices.DeleteFunc(server.routes(), func(route string) bool { return route != loginPath })); n != test.logins || (err == nil) != (n == 2) {
				t.Errorf("%d logins, want %d: %v", n, test.logins, err)
			}
		})
	}
	refused := &infisical.Client{Login: infisical.UniversalAuth{ClientID: "c", ClientSecret: redact.New(clientSecret)}}
	closed := httptest.NewServer(nil)
	closed.Close()
	refused.BaseURL = closed.URL
	waits := 0
	refused.Sleep = func(context.Context, time.Duration) error { waits++; return nil }
	if _, err := refused.Connections(t.Context(), ""); err == nil || waits != 2 {
		t.Errorf("a refused connection: %d waits, %v", waits, err)
	}
}

// A CI masks a token only if it hears of it before the token can be printed.
func TestEachAccessTokenIsToldBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	server := newRecorder(t).on(listPath, refuse(401, "UnauthorizedError", `"No identity access token found"`), many())
	client := server.client()
	type told struct {
		Token  string
		Routes []string
	}
	var got []told
	client.OnToken = func(token redact.Secret) { got = append(got, told{token.Reveal(), server.routes()}) }
	list(t, client)
	list(t, client)
	want := []told{
		{"access-1", []string{loginPath}},
		{"access-2", []string{loginPath, listPath, loginPath}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told, and the calls made by then (-want +got):\n%s", diff)
	}
}

func TestATokenThatDiedEarlyIsReplacedOnce(t *testing.T) {
	t.Parallel()
	dead := map[string]reply{
		"revoked": refuse(401, "UnauthorizedError", `"No identity access token found"`),
		"expired": refuse(403, "TokenError", `"Your token has expired. Please re-authenticate."`),
		"garbled": refuse(403, "TokenError", `"invalid signature"`),
	}
	for title, refusal := range dead {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(createPath, refusal, one(connectionJSON))
			if _, err := server.client().Create(t.Context(), newConnection()); err != nil {
				t.Fatal(err)
			}
			want := []string{loginPath, createPath, loginPath, createPath}
			if diff := cmp.Diff(want, server.routes()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if got := server.last().Header.Get("Authorization"); got != "Bearer access-2" {
				t.Errorf("repeated with %s", got)
			}
		})
		t.Run(title+" for good", func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, refusal)
			if _, err := server.client().Connections(t.Context(), ""); err == nil {
				t.Error("no error")
			}
			want := []string{loginPath, listPath, loginPath, listPath}
			if diff := cmp.Diff(want, server.routes()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// Of two calls whose token has died, the later one finds the earlier one's new
// token and must not throw that away.
func TestADeadTokenIsReplacedOnceForAll(t *testing.T) {
	t.Parallel()
	var logins atomic.Int32
	bothSent, firstDone := make(chan struct{}), make(chan struct{})
	var sent atomic.Int32
	dead := `{"error":"TokenError","message":"Your token has expired. Please re-authenticate."}`
	client := newRecorder(t).client()
	client.HTTP = &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(req.URL.Path, "/login"):
			return answered(req, http.StatusOK, fmt.Sprintf(`{"accessToken":"access-%d"}`, logins.Add(1)), ""), nil
		case req.Header.Get("Authorization") != "Bearer access-1":
			return answered(req, http.StatusOK, `{"appConnections":[]}`, ""), nil
		case sent.Add(1) == 2:
			close(bothSent)
			<-firstDone
		default:
			<-bothSent
		}
		return answered(req, http.StatusForbidden, dead, ""), nil
	})}
	var all sync.WaitGroup
	var done sync.Once
	for range 2 {
		all.Go(func() {
			if _, err := client.Connections(t.Context(), ""); err != nil {
				t.Error(err)
			}
			done.Do(func() { close(firstDone) })
		})
	}
	all.Wait()
	if n := logins.Load(); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

// A missing permission is no reason to log in again.
func TestAMissingPermissionIsNotADeadToken(t *testing.T) {
	t.Parallel()
	server := newRecorder(t).on(listPath, refuse(403, "PermissionDenied", `"You are not allowed to read on app-connections"`))
	if _, err := server.client().Connections(t.Context(), ""); !errors.Is(err, infisical.ErrPermission) {
		t.Errorf("error = %v", err)
	}
	if n := server.count(loginPath); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}
