package transport_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/transport"
)

// clock is a clock that only sleeping moves.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// sent is what a server saw of one request.
type sent struct{ Method, Path, Body, Authorization, UserAgent string }

// recorder answers with its statuses in turn, the last of them for ever.
type recorder struct {
	statuses []int
	header   http.Header
	mu       sync.Mutex
	requests []sent
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.requests = append(r.requests, sent{req.Method, req.URL.Path, string(body), req.Header.Get("Authorization"), req.UserAgent()})
	status := r.statuses[min(len(r.requests), len(r.statuses))-1]
	r.mu.Unlock()
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_, _ = io.WriteString(w, "body of "+http.StatusText(status))
	}
}

func (r *recorder) seen() []sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sent(nil), r.requests...)
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func request(ctx context.Context, t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// send returns the status and the body, or the error.
func send(t *testing.T, rt http.RoundTripper, req *http.Request) (int, string, error) {
	t.Helper()
	res, err := rt.RoundTrip(req)
	if err != nil {
		if res != nil {
			t.Error("RoundTrip returned a response and an error")
		}
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return res.StatusCode, string(body), nil
}

func TestNewStacksEverythingInOrder(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{503, 429, 200}}
	url := serve(t, server)
	clock := newClock()
	stack := transport.New(transport.Options{
		UserAgent: "linkersync/1.2.3", RequestsPerSecond: 0.01, Now: clock.Now, Sleep: clock.Sleep,
	})
	// The token tells when it was made: each attempt must have a fresh one, made
	// after the waits for the back-off and for the rate limit.
	ctx := transport.WithAuthorization(t.Context(), func(*http.Request) (string, error) {
		return "JWT made at " + clock.Now().Round(time.Second).Format("15:04:05"), nil
	})

	status, body, err := send(t, stack, request(ctx, t, http.MethodPut, url+"/x", "payload"))

	if err != nil || status != 200 || body != "body of OK" {
		t.Fatalf("RoundTrip = %d %q, %v", status, body, err)
	}
	want := []sent{
		{"PUT", "/x", "payload", "JWT made at 12:00:00", "linkersync/1.2.3"},
		{"PUT", "/x", "payload", "JWT made at 12:01:40", "linkersync/1.2.3"},
		{"PUT", "/x", "payload", "JWT made at 12:03:20", "linkersync/1.2.3"},
	}
	if diff := cmp.Diff(want, server.seen()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// A turn that comes too late isn't worth a second question.
func TestNewDoesNotAskAgainForATurnItCannotWaitFor(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{204}}
	url := serve(t, server)
	clock := newClock()
	clock.now = time.Now()
	stack := transport.New(transport.Options{RequestsPerSecond: 0.001, Now: clock.Now, Sleep: clock.Sleep})
	hurried, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, _, err := send(t, stack, request(hurried, t, http.MethodGet, url, "")); err != nil {
		t.Fatal(err)
	}
	_, _, err := send(t, stack, request(hurried, t, http.MethodGet, url, ""))
	if !errors.Is(err, context.DeadlineExceeded) || len(clock.slept) != 0 || len(server.seen()) != 1 {
		t.Errorf("error %v after waits of %v and %d requests", err, clock.slept, len(server.seen()))
	}
}

func TestNewHasDefaults(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{500}}
	url := serve(t, server)
	clock := newClock()
	stack := transport.New(transport.Options{Now: clock.Now, Sleep: clock.Sleep})

	status, _, err := send(t, stack, request(t.Context(), t, http.MethodGet, url, ""))

	if err != nil || status != 500 {
		t.Fatalf("RoundTrip = %d, %v; want the server's last answer", status, err)
	}
	if got := len(server.seen()); got != transport.DefaultAttempts {
		t.Errorf("%d attempts, want %d", got, transport.DefaultAttempts)
	}
	if got := server.seen()[0].UserAgent; got != transport.DefaultUserAgent {
		t.Errorf("user agent %q", got)
	}
}

func TestNewRepeatsAfterABodyThatWasCutOff(t *testing.T) {
	t.Parallel()
	var calls int
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		if calls == 1 {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"values":[`)
			return // the server closes the connection: 89 bytes are missing
		}
		_, _ = io.WriteString(w, "whole")
	}))
	clock := newClock()
	stack := transport.New(transport.Options{Now: clock.Now, Sleep: clock.Sleep})

	_, body, err := send(t, stack, request(t.Context(), t, http.MethodGet, url, ""))

	if err != nil || body != "whole" || calls != 2 {
		t.Errorf("body %q after %d calls, %v", body, calls, err)
	}
}

// TestSleepOnTheRealClock shows that the default sleep ends with its context: it
// would otherwise hold the test for the minutes that the server asks for.
func TestSleepOnTheRealClock(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "50")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	limited := roundTripper(func(req *http.Request) (*http.Response, error) {
		res, err := http.DefaultTransport.RoundTrip(req)
		time.AfterFunc(time.Millisecond, cancel)
		return res, err
	})

	_, _, err := send(t, transport.Retry(limited, transport.Policy{}), request(ctx, t, http.MethodGet, url, ""))

	if err == nil || !strings.Contains(err.Error(), "wait before attempt 2: context canceled") {
		t.Errorf("error = %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
