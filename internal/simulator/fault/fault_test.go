package fault_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

const served = "the real answer"

// service is a simulated service that counts what took effect.
type service struct {
	*fault.Injector
	url     string
	effects atomic.Int64
}

func serve(t *testing.T, options fault.Options) *service {
	t.Helper()
	s := &service{Injector: fault.New(options)}
	server := httptest.NewServer(s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.effects.Add(1)
		w.Header().Set("X-Served", "yes")
		switch r.URL.Path {
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
			return
		case "/created":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = io.WriteString(w, served)
	})))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// call makes one request on a connection of its own, so that Go's transport
// does not repeat it after a reset.
func (s *service) call(t *testing.T, method, path string, header http.Header) (int, http.Header, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(body), err
}

func (s *service) status(t *testing.T, method, path string) int {
	t.Helper()
	status, _, _, _ := s.call(t, method, path, nil) //nolint:dogsled // a failed call is status 0
	return status
}

func TestWhenPicksCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		when fault.When
		want string // one letter a call: F fired, . passed
	}{
		"always":             {fault.Always(), "FFFFFFF"},
		"the zero value":     {fault.When{}, "FFFFFFF"},
		"once":               {fault.Once(), "F......"},
		"nth":                {fault.Nth(3), "..F...."},
		"first":              {fault.First(2), "FF....."},
		"from":               {fault.From(5), "....FFF"},
		"every":              {fault.Every(3), "..F..F."},
		"every one":          {fault.Every(1), "FFFFFFF"},
		"never by chance":    {fault.Probability(0), "......."},
		"certainly":          {fault.Probability(1), "FFFFFFF"},
		"chance with a seed": {fault.Probability(0.5), "F.F..FF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, fault.Options{Seed: 7})
			rule := s.Add(fault.Any(), test.when, fault.Respond(http.StatusTeapot, nil, ""))
			var got strings.Builder
			for range test.want {
				if s.status(t, http.MethodGet, "/") == http.StatusTeapot {
					got.WriteByte('F')
				} else {
					got.WriteByte('.')
				}
			}
			if got.String() != test.want {
				t.Errorf("fired on %s, want %s", got.String(), test.want)
			}
			if want := strings.Count(test.want, "F"); rule.Fired() != want {
				t.Errorf("Fired() = %d, want %d", rule.Fired(), want)
			}
		})
	}
}

func TestEveryRefusesZero(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("Every(0) did not panic; it would divide by zero later")
		}
	}()
	fault.Every(0)
}

func TestMatchSelectsCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		match fault.Match
		want  bool
	}{
		"anything":                {fault.Any(), true},
		"the method":              {fault.Match{Method: http.MethodPost}, true},
		"another method":          {fault.Match{Method: http.MethodPut}, false},
		"the escaped path":        {fault.Path("", `^/a%2Fb$`), true},
		"the unescaped path":      {fault.Path("", `^/a/b$`), false},
		"the path and the method": {fault.Path(http.MethodPost, `^/a`), true},
		"path but not the method": {fault.Path(http.MethodGet, `^/a`), false},
		"the query is no path":    {fault.Path("", `q=1`), false},
		"the operation":           {fault.Target("GetSecretValue"), true},
		"service and operation":   {fault.Target("secretsmanager.GetSecretValue"), true},
		"a part of the operation": {fault.Target("SecretValue"), false},
		"another service":         {fault.Target("sqs.GetSecretValue"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, fault.Options{})
			rule := s.Add(test.match, fault.Always(), fault.Respond(http.StatusTeapot, nil, ""))
			header := http.Header{"X-Amz-Target": {"secretsmanager.GetSecretValue"}}
			status, _, _, err := s.call(t, http.MethodPost, "/a%2Fb?q=1", header)
			if err != nil {
				t.Fatal(err)
			}
			if got := status == http.StatusTeapot; got != test.want || (rule.Fired() == 1) != test.want {
				t.Errorf("fired = %v (%d), want %v", got, rule.Fired(), test.want)
			}
			if got := s.Count(test.match) == 1; got != test.want {
				t.Errorf("Count says %v, want %v", got, test.want)
			}
		})
	}
}

func TestEffects(t *testing.T) {
	t.Parallel()
	type outcome struct {
		Status  int
		Body    string
		Reset   bool
		Cut     bool
		Effects int64
		Logged  int
	}
	answered := outcome{Status: 200, Body: served, Effects: 1, Logged: 200}
	for name, test := range map[string]struct {
		effect fault.Effect
		path   string
		want   outcome
	}{
		"nothing":           {fault.Effect{}, "/", answered},
		"respond":           {fault.Respond(429, http.Header{"Retry-After": {"7"}}, "slow"), "/", outcome{Status: 429, Body: "slow", Logged: 429}},
		"delay":             {fault.Delay(time.Millisecond), "/", answered},
		"reset":             {fault.Reset(), "/", outcome{Reset: true}},
		"reset after":       {fault.ResetAfter(), "/", outcome{Reset: true, Effects: 1}},
		"cut body":          {fault.CutBody(), "/", outcome{Status: 200, Body: served[:len(served)/2], Cut: true, Effects: 1, Logged: 200}},
		"early hints":       {fault.Effect{}, "/created", outcome{Status: 201, Body: served, Effects: 1, Logged: 201}},
		"cut with a status": {fault.CutBody(), "/created", outcome{Status: 201, Body: served[:len(served)/2], Cut: true, Effects: 1, Logged: 201}},
		"cut an empty body": {fault.CutBody(), "/empty", outcome{Reset: true, Effects: 1}},
		"pick":              {fault.Pick(fault.Respond(503, nil, "")), "/", outcome{Status: 503, Logged: 503}},
		"kill":              {fault.Kill(nil), "/", outcome{Reset: true, Effects: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, fault.Options{})
			s.Add(fault.Any(), fault.Always(), test.effect)
			status, _, body, err := s.call(t, http.MethodGet, test.path, nil)
			got := outcome{
				Status: status, Body: body, Effects: s.effects.Load(), Logged: s.Calls()[0].Status,
				Reset: errors.Is(err, syscall.ECONNRESET), Cut: errors.Is(err, io.ErrUnexpectedEOF),
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("outcome (-want +got):\n%s\nerror: %v", diff, err)
			}
		})
	}
}

func TestPickIsRepeatable(t *testing.T) {
	t.Parallel()
	var runs [2][]int
	for i := range runs {
		s := serve(t, fault.Options{Seed: 7})
		s.Add(fault.Any(), fault.Always(), fault.Pick(fault.Respond(500, nil, ""), fault.Respond(503, nil, "")))
		for range 8 {
			runs[i] = append(runs[i], s.status(t, http.MethodGet, "/"))
		}
	}
	if diff := cmp.Diff(runs[0], runs[1]); diff != "" {
		t.Errorf("two runs from one seed differ (-first +second):\n%s", diff)
	}
	if !slices.Contains(runs[0], 500) || !slices.Contains(runs[0], 503) {
		t.Errorf("picked %v, want both effects", runs[0])
	}
}

func TestAResetWithoutAConnectionAborts(t *testing.T) {
	t.Parallel()
	injector := fault.New(fault.Options{})
	injector.Add(fault.Any(), fault.Always(), fault.Reset())
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("the handler ended with %v, want ErrAbortHandler", err)
		}
	}()
	injector.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

func TestRespondSetsItsHeaders(t *testing.T) {
	t.Parallel()
	s := serve(t, fault.Options{})
	s.Add(fault.Any(), fault.Always(), fault.Respond(429, http.Header{"Retry-After": {"7"}}, ""))
	_, header, _, err := s.call(t, http.MethodGet, "/", nil)
	if err != nil || header.Get("Retry-After") != "7" || header.Get("X-Served") != "" {
		t.Errorf("header = %v, error %v; want Retry-After: 7 and nothing of the handler's", header, err)
	}
}

func TestRulesNest(t *testing.T) {
	t.Parallel()
	delays := make(chan time.Duration, 3)
	s := serve(t, fault.Options{Sleep: func(_ context.Context, d time.Duration) error {
		delays <- d
		return nil
	}})
	s.Add(fault.Any(), fault.Always(), fault.Delay(time.Second))
	answering := s.Add(fault.Any(), fault.Once(), fault.Respond(503, nil, ""))
	s.Add(fault.Any(), fault.Always(), fault.Delay(time.Hour))

	got := []int{s.status(t, http.MethodGet, "/"), s.status(t, http.MethodGet, "/")}
	if diff := cmp.Diff([]int{503, 200}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	slept := []time.Duration{<-delays, <-delays, <-delays}
	if diff := cmp.Diff([]time.Duration{time.Second, time.Second, time.Minute}, slept); diff != "" {
		t.Errorf("slept (-want +got):\n%s", diff)
	}
	if answering.Fired() != 1 {
		t.Errorf("Fired() = %d, want 1", answering.Fired())
	}
}

func TestDelayEndsWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	entered, left := make(chan struct{}), make(chan error, 1)
	s := serve(t, fault.Options{Sleep: func(ctx context.Context, _ time.Duration) error {
		close(entered)
		<-ctx.Done()
		left <- ctx.Err()
		return ctx.Err()
	}})
	s.Add(fault.Any(), fault.Always(), fault.Delay(time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := loopback.Client().Do(request); !errors.Is(err, context.Canceled) {
		t.Fatalf("response %v, error %v, want canceled", response, err)
	}
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the delay ended with %v, want canceled", err)
	}
	if got := s.effects.Load(); got != 0 {
		t.Errorf("%d requests took effect, want none", got)
	}
}

func TestRemoveAndClearEndRules(t *testing.T) {
	t.Parallel()
	s := serve(t, fault.Options{})
	first := s.Add(fault.Any(), fault.Always(), fault.Respond(500, nil, ""))
	s.Add(fault.Any(), fault.Always(), fault.Respond(501, nil, ""))
	got := []int{s.status(t, http.MethodGet, "/")}
	first.Remove()
	got = append(got, s.status(t, http.MethodGet, "/"))
	s.Clear()
	got = append(got, s.status(t, http.MethodGet, "/"))
	if diff := cmp.Diff([]int{500, 501, 200}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestKillAfter(t *testing.T) {
	t.Parallel()
	for n, want := range [][]int{{0, 0, 0, 0}, {0, 0, 0, 0}, {200, 0, 0, 0}, {200, 200, 0, 0}} {
		s := serve(t, fault.Options{})
		var killed atomic.Int64
		rule := s.KillAfter(n, func() { killed.Add(1) })
		got := make([]int, 0, len(want))
		for range want {
			got = append(got, s.status(t, http.MethodGet, "/"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %d: statuses (-want +got):\n%s", n, diff)
		}
		if int(s.effects.Load()) != n || killed.Load() != 1 {
			t.Errorf("after %d: %d calls took effect, the hook ran %d times, want once", n, s.effects.Load(), killed.Load())
		}
		rule.Remove()
		if status := s.status(t, http.MethodGet, "/"); status != 200 {
			t.Errorf("after %d: status %d after the restart, want 200", n, status)
		}
	}
}

func TestConcurrentCallsAreCountedExactly(t *testing.T) {
	t.Parallel()
	injector := fault.New(fault.Options{})
	rule := injector.Add(fault.Any(), fault.Every(4), fault.Respond(503, nil, ""))
	handler := injector.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	var group sync.WaitGroup
	for range 400 {
		group.Go(func() {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		})
	}
	group.Wait()
	failed := injector.CountFunc(func(c fault.Call) bool { return c.Status == 503 })
	passed := injector.CountFunc(func(c fault.Call) bool { return c.Status == 200 })
	if rule.Fired() != 100 || failed != 100 || passed != 300 || injector.Total() != 400 {
		t.Errorf("fired %d, failed %d, passed %d, total %d; want 100, 100, 300, 400", rule.Fired(), failed, passed, injector.Total())
	}
}
