package transport_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/transport"
)

func TestRateLimitSpacesRequests(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{204}}
	url := serve(t, server)
	clock := newClock()
	rt := transport.RateLimit(http.DefaultTransport, transport.Rate{PerSecond: 4, Now: clock.Now, Sleep: clock.Sleep})
	for range 3 {
		if _, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, url, "")); err != nil {
			t.Fatal(err)
		}
	}
	want := []time.Duration{250 * time.Millisecond, 250 * time.Millisecond}
	if diff := cmp.Diff(want, clock.slept); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestRateLimitOnTheRealClock(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{204}}
	url := serve(t, server)
	rt := transport.RateLimit(http.DefaultTransport, transport.Rate{PerSecond: 1000})
	for range 3 {
		if _, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, url, "")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRateLimitWithoutLimitIsNotThere(t *testing.T) {
	t.Parallel()
	base := transport.Base()
	if got := transport.RateLimit(base, transport.Rate{}); got != http.RoundTripper(base) {
		t.Errorf("RateLimit = %T, want the transport itself", got)
	}
}

func TestRateLimitGivesUpATurnItCannotWaitFor(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{204}}
	url := serve(t, server)
	clock := newClock()
	clock.now = time.Now()
	rt := transport.RateLimit(http.DefaultTransport, transport.Rate{PerSecond: 0.001, Now: clock.Now, Sleep: clock.Sleep})
	hurried, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, _, err := send(t, rt, request(hurried, t, http.MethodGet, url, "")); err != nil {
		t.Fatalf("the first is free: %v", err)
	}
	body := &closed{Reader: strings.NewReader("x")}
	req := request(hurried, t, http.MethodPut, url, "")
	req.Body = body

	_, _, err := send(t, rt, req)

	if !errors.Is(err, context.DeadlineExceeded) || !body.closed || len(server.seen()) != 1 {
		t.Errorf("error %v, request body closed %v, %d requests", err, body.closed, len(server.seen()))
	}
	// The turn that was given up is free again: the next one waits for it, not for the one after.
	if _, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, url, "")); err != nil {
		t.Fatal(err)
	}
	if len(clock.slept) != 1 || clock.slept[0] > 1001*time.Second {
		t.Errorf("waits %v, want one of at most 1000 s", clock.slept)
	}
	patient, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, _, err := send(t, rt, request(patient, t, http.MethodGet, url, "")); err != nil || len(clock.slept) != 2 {
		t.Errorf("a request with time for its turn: %v after waits %v", err, clock.slept)
	}
}

func TestRateLimitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{204}}
	clock := newClock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rt := transport.RateLimit(http.DefaultTransport, transport.Rate{PerSecond: 1, Now: clock.Now, Sleep: clock.Sleep})
	url := serve(t, server)
	for range 2 { // the first has its turn at once, the second would have to wait
		if _, _, err := send(t, rt, request(ctx, t, http.MethodGet, url, "")); !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
	}
	if len(server.seen()) != 0 {
		t.Errorf("%d requests were sent", len(server.seen()))
	}
}

func TestMaxBody(t *testing.T) {
	t.Parallel()
	zipped := func(size int) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(make([]byte, size))
		_ = w.Close()
		return b.Bytes()
	}
	tests := map[string]struct {
		body     []byte
		encoding string
		want     error
	}{
		"empty":                       {nil, "", nil},
		"exactly the limit":           {make([]byte, 1000), "", nil},
		"one byte more":               {make([]byte, 1001), "", transport.ErrBodyTooLarge},
		"compressed to a small bomb":  {zipped(1001), "gzip", transport.ErrBodyTooLarge},
		"compressed within the limit": {zipped(1000), "gzip", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if test.encoding != "" {
					w.Header().Set("Content-Encoding", test.encoding)
				}
				_, _ = w.Write(test.body)
			}))
			rt := transport.MaxBody(http.DefaultTransport, 1000)

			_, body, err := send(t, rt, request(t.Context(), t, http.MethodGet, url, ""))

			if !errors.Is(err, test.want) {
				t.Fatalf("error = %v, want %v", err, test.want)
			}
			if test.want == nil && test.encoding == "" && len(body) != len(test.body) {
				t.Errorf("%d bytes, want %d", len(body), len(test.body))
			}
		})
	}
}

func TestMaxBodyPassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	rt := transport.MaxBody(roundTripper(func(*http.Request) (*http.Response, error) { return nil, broken }), 0)
	if _, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, "http://127.0.0.1", "")); !errors.Is(err, broken) {
		t.Errorf("error = %v", err)
	}
}

func TestTimeoutEndsAnAttemptButNotTheCall(t *testing.T) {
	t.Parallel()
	var attempts int
	hanging := roundTripper(func(req *http.Request) (*http.Response, error) {
		attempts++
		<-req.Context().Done() // a test without the time-out would hang here
		return nil, req.Context().Err()
	})
	clock := newClock()
	rt := transport.New(transport.Options{Next: hanging, Attempts: 2, Timeout: time.Millisecond, Now: clock.Now, Sleep: clock.Sleep})

	_, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, "http://127.0.0.1", ""))

	if !errors.Is(err, context.DeadlineExceeded) || attempts != 2 {
		t.Errorf("%d attempts, %v; want a second attempt after the first timed out", attempts, err)
	}
}

func TestTimeoutDefaultsToABound(t *testing.T) {
	t.Parallel()
	var bounded bool
	rt := transport.Timeout(roundTripper(func(req *http.Request) (*http.Response, error) {
		_, bounded = req.Context().Deadline()
		return nil, io.EOF
	}), 0)
	_, _, _ = send(t, rt, request(t.Context(), t, http.MethodGet, "http://127.0.0.1", ""))
	if !bounded {
		t.Error("the attempt has no deadline")
	}
}

func TestUserAgentKeepsTheRequestAsItWas(t *testing.T) {
	t.Parallel()
	server := &recorder{statuses: []int{204}}
	url := serve(t, server)
	rt := transport.UserAgent(http.DefaultTransport, "agent/1")
	plain, named := request(t.Context(), t, http.MethodGet, url, ""), request(t.Context(), t, http.MethodGet, url, "")
	named.Header.Set("User-Agent", "other/2")
	for _, req := range []*http.Request{plain, named} {
		if _, _, err := send(t, rt, req); err != nil {
			t.Fatal(err)
		}
	}
	seen := server.seen()
	if diff := cmp.Diff([]string{"agent/1", "other/2"}, []string{seen[0].UserAgent, seen[1].UserAgent}); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
	if plain.Header.Get("User-Agent") != "" {
		t.Error("the caller's request was changed")
	}
}

func TestNoRedirectSendsCredentialsNowhere(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		elsewhere := &recorder{statuses: []int{200}}
		target := serve(t, elsewhere)
		server := &recorder{statuses: []int{status}, header: http.Header{"Location": {target}}}
		client := &http.Client{Transport: transport.New(transport.Options{})}
		req := request(t.Context(), t, http.MethodGet, serve(t, server), "")
		req.Header.Set("Authorization", "JWT secret")

		res, err := client.Do(req)

		if err == nil {
			_ = res.Body.Close()
		}
		if !errors.Is(err, transport.ErrRedirect) || len(elsewhere.seen()) != 0 || len(server.seen()) != 1 {
			t.Errorf("%d: error %v, %d requests there, %d elsewhere", status, err, len(server.seen()), len(elsewhere.seen()))
		}
	}
}

func TestNoRedirectClosesWhatItRefuses(t *testing.T) {
	t.Parallel()
	body := &closed{Reader: strings.NewReader("moved")}
	rt := transport.NoRedirect(roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusFound, Body: body}, nil
	}))
	_, _, err := send(t, rt, request(t.Context(), t, http.MethodGet, "http://127.0.0.1", ""))
	if !errors.Is(err, transport.ErrRedirect) || !body.closed {
		t.Errorf("error %v, body closed %v", err, body.closed)
	}
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	refused := errors.New("no key")
	tests := map[string]struct {
		header string
		err    error
		want   []string
	}{
		"sets the header":             {"JWT a.b.c", nil, []string{"JWT a.b.c"}},
		"leaves what is there":        {"", nil, []string{"before"}},
		"sends nothing after a error": {"JWT a.b.c", refused, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &recorder{statuses: []int{204}}
			body := &closed{Reader: strings.NewReader("x")}
			req := request(t.Context(), t, http.MethodPut, serve(t, server), "")
			req.Body = body
			req.Header.Set("Authorization", "before")
			clock := newClock()
			authorize := transport.Authorize(http.DefaultTransport, func(*http.Request) (string, error) { return test.header, test.err })

			_, _, err := send(t, transport.Retry(authorize, transport.Policy{Now: clock.Now, Sleep: clock.Sleep}), req)

			if !errors.Is(err, test.err) || !body.closed || len(clock.slept) != 0 {
				t.Errorf("error %v, request body closed %v, waits %v", err, body.closed, clock.slept)
			}
			var got []string
			for _, req := range server.seen() {
				got = append(got, req.Authorization)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if req.Header.Get("Authorization") != "before" {
				t.Error("the caller's request was changed")
			}
		})
	}
}

func TestAuthorizeDoesNotRepeatWhenTheTokenCannotBeMade(t *testing.T) {
	t.Parallel()
	clock := newClock()
	refused := errors.New("no key")
	ctx := transport.WithAuthorization(t.Context(), func(*http.Request) (string, error) { return "", refused })
	_, _, err := send(t, transport.New(transport.Options{Now: clock.Now, Sleep: clock.Sleep}),
		request(ctx, t, http.MethodGet, "http://127.0.0.1", ""))
	if !errors.Is(err, refused) || len(clock.slept) != 0 {
		t.Errorf("error %v, waits %v", err, clock.slept)
	}
}

type closed struct {
	io.Reader
	closed bool
}

func (c *closed) Close() error { c.closed = true; return nil }
