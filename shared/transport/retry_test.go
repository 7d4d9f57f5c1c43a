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

func TestRetryRepeatsOnlyWhatMayPass(t *testing.T) {
	t.Parallel()
	for status, attempts := range map[int]int{
		200: 1, 201: 1, 204: 1, 400: 1, 401: 1, 403: 1, 404: 1, 409: 1, 410: 1, 422: 1, 501: 1,
		429: 3, 500: 3, 502: 3, 503: 3, 504: 3, 555: 3,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			server := &recorder{statuses: []int{status}}
			clock := newClock()
			rt := transport.Retry(http.DefaultTransport, transport.Policy{Attempts: 3, Now: clock.Now, Sleep: clock.Sleep})

			got, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, serve(t, server), ""))

			if err != nil || got != status {
				t.Errorf("RoundTrip = %d, %v; want %d as the server sent it", got, err, status)
			}
			if got := len(server.seen()); got != attempts {
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
			server := &recorder{statuses: []int{503, 200}}
			clock := newClock()
			rt := transport.Retry(http.DefaultTransport, transport.Policy{Now: clock.Now, Sleep: clock.Sleep})

			_, _, err := send(t, rt, request(test.mark(t.Context()), t, test.method, serve(t, server), "payload"))
			if err != nil {
				t.Fatal(err)
			}
			seen := server.seen()
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
	server := &recorder{statuses: []int{503}}
	clock := newClock()
	req := request(t.Context(), t, http.MethodPut, serve(t, server), "")
	req.Body, req.GetBody, req.ContentLength = io.NopCloser(strings.NewReader("once")), nil, 4

	_, _, err := send(t, transport.Retry(http.DefaultTransport, transport.Policy{Now: clock.Now, Sleep: clock.Sleep}), req)

	if err != nil || len(server.seen()) != 1 {
		t.Errorf("%d attempts, %v; want 1", len(server.seen()), err)
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
			server := &recorder{statuses: []int{test.status}, header: http.Header{}}
			if test.header != "" {
				server.header.Set("Retry-After", test.header)
			}
			clock := newClock()
			rt := transport.Retry(http.DefaultTransport, transport.Policy{Now: clock.Now, Sleep: clock.Sleep})

			status, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, serve(t, server), ""))

			if err != nil || status != test.status || len(clock.slept) != len(test.want) {
				t.Fatalf("RoundTrip = %d, %v after waits %v; want waits in %v", status, err, clock.slept, test.want)
			}
			for i, want := range test.want {
				if clock.slept[i] < want[0] || clock.slept[i] > want[1] {
					t.Errorf("wait %d = %v, want within %v", i+1, clock.slept[i], want)
				}
			}
		})
	}
}

// Workers that were turned away together must not come back together.
func TestRetryWaitsAreSpread(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{503}}
	url := serve(t, server)
	different := map[time.Duration]bool{}
	for range 20 {
		clock := newClock()
		rt := transport.Retry(http.DefaultTransport, transport.Policy{Attempts: 2, Now: clock.Now, Sleep: clock.Sleep})
		if _, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, url, "")); err != nil {
			t.Fatal(err)
		}
		different[clock.slept[0]] = true
	}
	if len(different) < 10 {
		t.Errorf("only %d different waits in 20", len(different))
	}
}

func TestRetryHandsA429BackAtOnceWhenAsked(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{503, 429, 200}}
	clock := newClock()
	rt := transport.Retry(http.DefaultTransport, transport.Policy{FailFastOn429: true, Now: clock.Now, Sleep: clock.Sleep})

	status, body, err := send(t, rt, request(t.Context(), t, http.MethodGet, serve(t, server), ""))

	if err != nil || status != 429 || body != "body of Too Many Requests" || len(server.seen()) != 2 {
		t.Errorf("RoundTrip = %d %q, %v after %d attempts; want the 429, unread, after the 503 was repeated", status, body, err, len(server.seen()))
	}
}

func TestRetryStopsBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	for before, want := range map[time.Duration]struct{ status, waits int }{time.Second: {429, 0}, time.Minute: {204, 1}} {
		server := &recorder{statuses: []int{429, 204}}
		clock := newClock()
		// The deadline is on the real clock far away; on the injected one it is the
		// distance that counts, so the clock starts so long before it.
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
		defer cancel()
		deadline, _ := ctx.Deadline()
		clock.now = deadline.Add(-before)
		rt := transport.Retry(http.DefaultTransport, transport.Policy{Now: clock.Now, Sleep: clock.Sleep})

		status, _, err := send(t, rt, request(ctx, t, http.MethodGet, serve(t, server), ""))

		if err != nil || status != want.status || len(clock.slept) != want.waits {
			t.Errorf("%v before it: RoundTrip = %d, %v after waits %v; want %d after %d", before, status, err, clock.slept, want.status, want.waits)
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
	server := &recorder{statuses: []int{503, 204}}
	clock := newClock()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, serve(t, server), nil)
	if err != nil {
		t.Fatal(err)
	}
	status, _, err := send(t, transport.Retry(http.DefaultTransport, transport.Policy{Now: clock.Now, Sleep: clock.Sleep}), req)
	if err != nil || status != 204 || len(server.seen()) != 2 {
		t.Errorf("RoundTrip = %d, %v after %d attempts", status, err, len(server.seen()))
	}
}

func TestRetryReportsABodyThatCannotBeRewound(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{503}}
	clock := newClock()
	gone := errors.New("file is gone")
	req := request(t.Context(), t, http.MethodPut, serve(t, server), "x")
	req.GetBody = func() (io.ReadCloser, error) { return nil, gone }

	_, _, err := send(t, transport.Retry(http.DefaultTransport, transport.Policy{Now: clock.Now, Sleep: clock.Sleep}), req)

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
