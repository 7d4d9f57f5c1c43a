package transport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/transport"
)

// retrying is a server with these statuses, and retries in front of it on a clock that
// only sleeping moves.
type retrying struct {
	*recorder
	*clock
	http.RoundTripper
	url string
}

func newRetrying(t *testing.T, policy transport.Policy, statuses ...int) retrying {
	t.Helper()
	r := retrying{recorder: &recorder{statuses: statuses, header: http.Header{}}, clock: newClock()}
	r.url = serve(t, r.recorder)
	policy.Now, policy.Sleep = r.Now, r.Sleep
	r.RoundTripper = transport.Retry(http.DefaultTransport, policy)
	return r
}

func TestRetryRepeatsOnlyWhatMayPass(t *testing.T) {
	t.Parallel()
	for status, attempts := range map[int]int{
		200: 1, 201: 1, 204: 1, 400: 1, 401: 1, 403: 1, 404: 1, 409: 1, 410: 1, 422: 1, 501: 1,
		429: 3, 500: 3, 502: 3, 503: 3, 504: 3, 555: 3,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			r := newRetrying(t, transport.Policy{Attempts: 3}, status)

			got, _, err := send(t, r, request(t.Context(), t, http.MethodGet, r.url, ""))

			if err != nil || got != status {
				t.Errorf("RoundTrip = %d, %v; want %d as the server sent it", got, err, status)
			}
			if got := len(r.seen()); got != attempts {
				t.Errorf("%d: %d attempts, want %d", status, got, attempts)
			}
		})
	}
}

func TestRetryRepeatsOnlyWhatIsSafe(t *testing.T) {
	t.Parallel()
	plain := func(ctx context.Context) context.Context { return ctx }
	tests := map[string]struct {
		method   string
		mark     func(context.Context) context.Context
		attempts int
	}{
		"GET":                 {http.MethodGet, plain, 2},
		"HEAD":                {http.MethodHead, plain, 2},
		"PUT":                 {http.MethodPut, plain, 2},
		"DELETE":              {http.MethodDelete, plain, 2},
		"POST":                {http.MethodPost, plain, 1},
		"PATCH":               {http.MethodPatch, plain, 1},
		"POST marked as safe": {http.MethodPost, transport.Repeatable, 2},
		"PATCH marked":        {http.MethodPatch, transport.Repeatable, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRetrying(t, transport.Policy{}, 503, 200)

			_, _, err := send(t, r, request(test.mark(t.Context()), t, test.method, r.url, "payload"))
			if err != nil {
				t.Fatal(err)
			}
			seen := r.seen()
			if len(seen) != test.attempts {
				t.Fatalf("%d attempts, want %d", len(seen), test.attempts)
			}
			for i, req := range seen {
				if req.Body != "payload" {
					t.Errorf("attempt %d had the body %q", i+1, req.Body)
				}
			}
		})
	}
}

func TestRetryDoesNotRepeatABodyThatCanBeReadOnlyOnce(t *testing.T) {
	t.Parallel()
	r := newRetrying(t, transport.Policy{}, 503)
	req := request(t.Context(), t, http.MethodPut, r.url, "")
	req.Body, req.GetBody, req.ContentLength = io.NopCloser(strings.NewReader("once")), nil, 4

	_, _, err := send(t, r, req)

	if err != nil || len(r.seen()) != 1 {
		t.Errorf("%d attempts, %v; want 1", len(r.seen()), err)
	}
}

func TestRetryAfterConnectionErrors(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset by peer")
	tests := map[string]struct {
		fail     error
		attempts int
	}{
		"a reset passes":             {reset, 3},
		"a large body stays large":   {transport.ErrBodyTooLarge, 1},
		"a wrong scheme stays wrong": {errors.New(`unsupported protocol scheme "ftp"`), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			var attempts int
			failing := roundTripper(func(*http.Request) (*http.Response, error) {
				attempts++
				return nil, test.fail
			})
			rt := transport.Retry(failing, transport.Policy{Attempts: 3, Now: clock.Now, Sleep: clock.Sleep})

			_, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, "http://127.0.0.1", ""))

			if !errors.Is(err, test.fail) || attempts != test.attempts {
				t.Errorf("%d attempts, %v; want %d", attempts, err, test.attempts)
			}
		})
	}
}

func TestRetryDoesNotRepeatAfterAnUntrustedCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(&recorder{statuses: []int{200}})
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it reports the handshake that we refuse
	server.StartTLS()
	t.Cleanup(server.Close)
	clock := newClock()
	base := transport.Base()
	t.Cleanup(base.CloseIdleConnections)

	_, _, err := send(t, transport.New(transport.Options{Next: base, Now: clock.Now, Sleep: clock.Sleep}),
		request(t.Context(), t, http.MethodGet, server.URL, ""))

	if err == nil || !strings.Contains(err.Error(), "certificate") || len(clock.slept) != 0 {
		t.Errorf("slept %v, error %v; want one attempt that names the certificate", clock.slept, err)
	}
}

func TestRetryWaits(t *testing.T) {
	t.Parallel()
	const s, ms = time.Second, time.Millisecond
	type span [2]time.Duration
	tests := map[string]struct {
		status int
		header string
		want   []span
	}{
		"doubling after 5xx":             {503, "", []span{{250 * ms, 500 * ms}, {500 * ms, s}, {s, 2 * s}}},
		"longer after 429":               {429, "", []span{{2 * s, 4 * s}, {4 * s, 8 * s}, {8 * s, 16 * s}}},
		"as asked, in seconds":           {429, "7", []span{{7 * s, 8 * s}, {7 * s, 8 * s}, {7 * s, 8 * s}}},
		"as asked, at a date":            {503, "Tue, 01 Dec 2026 12:00:30 GMT", []span{{30 * s, 34 * s}, {0, ms}, {0, ms}}},
		"unreadable header":              {503, "soon", []span{{250 * ms, 500 * ms}, {500 * ms, s}, {s, 2 * s}}},
		"longer than we hold a call for": {429, "61", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRetrying(t, transport.Policy{}, test.status)
			if test.header != "" {
				r.header.Set("Retry-After", test.header)
			}

			status, _, err := send(t, r, request(t.Context(), t, http.MethodGet, r.url, ""))

			if err != nil || status != test.status || len(r.slept) != len(test.want) {
				t.Fatalf("RoundTrip = %d, %v after waits %v; want waits in %v", status, err, r.slept, test.want)
			}
			for i, want := range test.want {
				if r.slept[i] < want[0] || r.slept[i] > want[1] {
					t.Errorf("wait %d = %v, want within %v", i+1, r.slept[i], want)
				}
			}
		})
	}
}

// Workers that were turned away together must not come back together.
func TestRetryWaitsAreSpread(t *testing.T) {
	t.Parallel()
	r := newRetrying(t, transport.Policy{Attempts: 2}, 503)
	different := map[time.Duration]bool{}
	for range 20 {
		if _, _, err := send(t, r, request(t.Context(), t, http.MethodGet, r.url, "")); err != nil {
			t.Fatal(err)
		}
		different[r.slept[len(r.slept)-1]] = true
	}
	if len(different) < 10 {
		t.Errorf("only %d different waits in 20", len(different))
	}
}

func TestRetryHandsA429BackAtOnceWhenAsked(t *testing.T) {
	t.Parallel()
	r := newRetrying(t, transport.Policy{FailFastOn429: true}, 503, 429, 200)

	status, body, err := send(t, r, request(t.Context(), t, http.MethodGet, r.url, ""))

	if err != nil || status != 429 || body != "body of Too Many Requests" || len(r.seen()) != 2 {
		t.Errorf("RoundTrip = %d %q, %v after %d attempts; want the 429, unread, after the 503 was repeated", status, body, err, len(r.seen()))
	}
}

func TestRetryStopsBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	for before, want := range map[time.Duration]struct{ status, waits int }{time.Second: {429, 0}, time.Minute: {204, 1}} {
		r := newRetrying(t, transport.Policy{}, 429, 204)
		// The deadline is on the real clock far away; on the injected one it is the
		// distance that counts, so the clock starts so long before it.
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
		defer cancel()
		deadline, _ := ctx.Deadline()
		r.now = deadline.Add(-before)

		status, _, err := send(t, r, request(ctx, t, http.MethodGet, r.url, ""))

		if err != nil || status != want.status || len(r.slept) != want.waits {
			t.Errorf("%v before it: RoundTrip = %d, %v after waits %v; want %d after %d", before, status, err, r.slept, want.status, want.waits)
		}
	}
}

func TestRetryStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var attempts int
	rt := transport.Retry(roundTripper(func(*http.Request) (*http.Response, error) {
		attempts++
		cancel()
		return nil, context.Canceled
	}), transport.Policy{Now: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }})

	_, _, err := send(t, rt, request(ctx, t, http.MethodGet, "http://127.0.0.1", ""))

	if !errors.Is(err, context.Canceled) || attempts != 1 {
		t.Errorf("%d attempts, %v; want 1", attempts, err)
	}
}

func TestRetryRepeatsARequestWithoutBody(t *testing.T) {
	t.Parallel()
	r := newRetrying(t, transport.Policy{}, 503, 204)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, _, err := send(t, r, req)
	if err != nil || status != 204 || len(r.seen()) != 2 {
		t.Errorf("RoundTrip = %d, %v after %d attempts", status, err, len(r.seen()))
	}
}

func TestRetryReportsABodyThatCannotBeRewound(t *testing.T) {
	t.Parallel()
	r := newRetrying(t, transport.Policy{}, 503)
	gone := errors.New("file is gone")
	req := request(t.Context(), t, http.MethodPut, r.url, "x")
	req.GetBody = func() (io.ReadCloser, error) { return nil, gone }

	_, _, err := send(t, r, req)

	if !errors.Is(err, gone) {
		t.Errorf("error = %v", err)
	}
}

// A discarded answer has to be closed, or its connection is lost.
func TestRetryClosesWhatItDiscards(t *testing.T) {
	t.Parallel()
	var opened, closed int
	rt := transport.Retry(roundTripper(func(*http.Request) (*http.Response, error) {
		opened++
		return &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{}, Body: &closeCounter{Reader: bytes.NewReader(nil), closed: &closed}}, nil
	}), transport.Policy{Attempts: 3, Sleep: func(context.Context, time.Duration) error { return nil }})

	if _, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, "http://127.0.0.1", "")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{3, 3}, []int{opened, closed}); diff != "" {
		t.Errorf("opened and closed bodies (-want +got):\n%s", diff)
	}
}

type closeCounter struct {
	io.Reader
	closed *int
}

func (c *closeCounter) Close() error { *c.closed++; return nil }
