package infisical_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

func limited(header http.Header) reply {
	r := refuse(429, "RateLimitExceeded", `"Rate limit exceeded. Please try again in 7 seconds"`)
	r.header = header
	return r
}

func TestARateLimitIsWaitedForAsItsHeadersSay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"seconds":              {http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		"a date":               {http.Header{"Retry-After": {start().Add(9 * time.Second).Format(http.TimeFormat)}}, 9 * time.Second},
		"reset in seconds":     {http.Header{"X-Ratelimit-Reset": {"11"}}, 11 * time.Second},
		"both":                 {http.Header{"Retry-After": {"7"}, "X-Ratelimit-Reset": {"11"}}, 7 * time.Second},
		"none":                 {nil, 5 * time.Second},
		"nonsense":             {http.Header{"Retry-After": {"soon"}, "X-Ratelimit-Reset": {"-4"}}, 5 * time.Second},
		"as long as is waited": {http.Header{"Retry-After": {"60"}}, time.Minute},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, limited(test.header), many())
			list(t, server.client())
			if diff := cmp.Diff([]time.Duration{test.want}, server.waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryMethodMayBeRepeatedAfterARateLimit(t *testing.T) {
	t.Parallel()
	path := "/api/v1/app-connections/bitbucket/" + connectionID
	name := "n"
	tests := map[string]struct {
		route string
		do    func(context.Context, *infisical.Client) error
	}{
		"login": {loginPath, func(ctx context.Context, c *infisical.Client) error { _, err := c.Connections(ctx, ""); return err }},
		"create": {createPath, func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Create(ctx, newConnection())
			return err
		}},
		"update": {"PATCH " + path, func(ctx context.Context, c *infisical.Client) error {
			_, err := c.Update(ctx, connectionID, infisical.ConnectionChange{Name: &name})
			return err
		}},
		"delete": {"DELETE " + path, func(ctx context.Context, c *infisical.Client) error { return c.Delete(ctx, connectionID) }},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			done := one(connectionJSON)
			if test.route == loginPath {
				done = granted("t", "60")
			}
			server := newRecorder(t).on(listPath, many()).on(test.route, limited(http.Header{"Retry-After": {"7"}}), done)
			if err := test.do(t.Context(), server.client()); err != nil {
				t.Fatal(err)
			}
			if n := server.count(test.route); n != 2 {
				t.Errorf("called %d times, want 2", n)
			}
			var bodies []string
			for _, made := range server.calls {
				if made.Route == test.route {
					bodies = append(bodies, made.Body)
				}
			}
			if diff := cmp.Diff(bodies[0], bodies[1]); diff != "" {
				t.Errorf("the repeated body differs:\n%s", diff)
			}
		})
	}
}

func TestWaitingForARateLimitIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("in number", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(listPath, limited(http.Header{"Retry-After": {"1"}}))
		_, err := server.client().Connections(t.Context(), "")
		checkKinds(t, err, "ErrRateLimited")
		if n := server.count(listPath); n != 3 {
			t.Errorf("called %d times, want 3", n)
		}
	})
	t.Run("in length", func(t *testing.T) {
		t.Parallel()
		for _, seconds := range []int{61, 86400, 1 << 40} {
			server := newRecorder(t).on(listPath, limited(http.Header{"Retry-After": {strconv.Itoa(seconds)}}))
			_, err := server.client().Connections(t.Context(), "")
			checkKinds(t, err, "ErrRateLimited")
			if len(server.waits) > 0 {
				t.Errorf("waited %v for %d seconds", server.waits, seconds)
			}
		}
	})
	t.Run("by the deadline", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(listPath, limited(http.Header{"Retry-After": {"30"}}))
		ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
		defer cancel()
		client := server.client()
		client.Now = nil // deadlines are the real clock's
		_, err := client.Connections(ctx, "")
		checkKinds(t, err, "ErrRateLimited")
		if len(server.waits) > 0 {
			t.Errorf("waited %v towards a deadline in 29s", server.waits)
		}
	})
	t.Run("by the context", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(listPath, limited(http.Header{"Retry-After": {"30"}}))
		ctx, cancel := context.WithCancel(t.Context())
		client := server.client()
		client.Sleep = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
		_, err := client.Connections(ctx, "")
		checkKinds(t, err, "ErrRateLimited")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want context.Canceled, too", err)
		}
	})
}

// Without a Sleep the client sleeps itself, until its time or the context's end.
func TestTheClientsOwnSleepEnds(t *testing.T) {
	t.Parallel()
	t.Run("in its time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			client := limitedOnce(func() {})
			if _, err := client.Connections(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if slept := time.Since(began); slept != 59*time.Second {
				t.Errorf("slept %v, want 59s", slept)
			}
		})
	})
	t.Run("with its context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := limitedOnce(cancel).Connections(ctx, "")
			checkKinds(t, err, "ErrRateLimited")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v, want context.Canceled, too", err)
			}
		})
	})
}

// limitedOnce returns a client without a network, whose first answer is a rate
// limit of 59 seconds; limited is called when it is made.
func limitedOnce(limited func()) *infisical.Client {
	calls := 0
	return &infisical.Client{
		Login: infisical.UniversalAuth{ClientID: "c", ClientSecret: redact.New("s")},
		HTTP: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			calls++
			if calls == 1 {
				limited()
				return answered(req, http.StatusTooManyRequests, "", "59"), nil
			}
			return answered(req, http.StatusOK, `{"accessToken":"a","expiresIn":60,"appConnections":[]}`, ""), nil
		})},
	}
}

// A write that failed may have worked: only the caller can look.
func TestAnOutageRepeatsReadsOnly(t *testing.T) {
	t.Parallel()
	outage := reply{status: http.StatusBadGateway}
	t.Run("read", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(listPath, outage, many())
		list(t, server.client())
		if n := server.count(listPath); n != 2 {
			t.Errorf("read %d times, want 2", n)
		}
	})
	t.Run("create", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(createPath, outage)
		_, err := server.client().Create(t.Context(), newConnection())
		checkKinds(t, err, "ErrServer")
		if n := server.count(createPath); n != 1 {
			t.Errorf("created %d times, want 1", n)
		}
	})
	t.Run("Universal Auth, whose secrets may have a number of uses", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(loginPath, outage)
		_, err := server.client().Connections(t.Context(), "")
		checkKinds(t, err, "ErrServer")
		if n := server.count(loginPath); n != 1 {
			t.Errorf("logged in %d times, want 1", n)
		}
	})
	t.Run("OIDC and revoke", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t).on(listPath, many()).on(oidcPath, outage, granted("t", "3600")).on(revokePath, outage, ok("{}"))
		client := server.client()
		client.Login = oidc(idToken(`{}`))
		list(t, client)
		if err := client.Revoke(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{oidcPath, oidcPath, listPath, revokePath, revokePath}
		if diff := cmp.Diff(want, server.routes()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

// Following a redirect would hand the secret to whoever it leads to.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for title, own := range map[string]*http.Client{"default": nil, "own": {}, "own with transport": {Transport: &http.Transport{}}} {
			t.Run(strconv.Itoa(status)+" "+title, func(t *testing.T) {
				t.Parallel()
				target := newRecorder(t)
				server := newRecorder(t).on(loginPath, reply{status: status, header: http.Header{"Location": {target.url + "/stolen"}}})
				client := server.client()
				client.HTTP = own
				_, err := client.Connections(t.Context(), "")
				checkKinds(t, err, "ErrUnexpectedAnswer")
				mustContain(t, err, "base URL")
				if calls := target.routes(); len(calls) > 0 {
					t.Errorf("followed to %v", calls)
				}
			})
		}
	}
}

func TestAnAnswerThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	huge := ok(`{"appConnections":[]}` + string(slices.Repeat([]byte(" "), 9<<20)))
	for title, own := range map[string]*http.Client{"default": nil, "own": {}} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t).on(listPath, huge)
			client := server.client()
			client.HTTP = own
			_, err := client.Connections(t.Context(), "")
			mustContain(t, err, "too large")
		})
	}
}

// Lists aren't paged: thousands of connections come in one answer.
func TestALongListIsRead(t *testing.T) {
	t.Parallel()
	many := ok(`{"appConnections":[{"id":"i","description":"` + strings.Repeat("d", 6<<20) + `"}]}`)
	list(t, newRecorder(t).on(listPath, many).client())
}

func TestAnUnreachableHostIsNamed(t *testing.T) {
	t.Parallel()
	client := newRecorder(t).client()
	client.BaseURL = "http://127.0.0.1:1"
	_, err := client.Connections(t.Context(), "")
	mustContain(t, err, "127.0.0.1:1", "check the base URL")
}
