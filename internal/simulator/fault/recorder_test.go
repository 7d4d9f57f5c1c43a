package fault_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// visit sends requests straight to the wrapped handler.
func visit(in *fault.Injector, urls ...string) {
	handler := in.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	for _, url := range urls {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, url, nil))
	}
}

func TestCallsHoldNoCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ query, want string }{
		"plain":         {"pagelen=100&page=2", "pagelen=100&page=2"},
		"order is kept": {"b=1&a=%2F&b=2", "b=1&a=%2F&b=2"},
		"connect token": {"a=1&jwt=secret&b", "a=1&jwt=[redacted]&b"},
		"any case":      {"JWT=secret", "JWT=[redacted]"},
		"escaped name":  {"%6Awt=secret", "%6Awt=[redacted]"},
		"bad escape":    {"%zz=1", "%zz=1"},
		"bearer":        {"access_token=secret", "access_token=[redacted]"},
		"presigned": {
			"X-Amz-Credential=secret&X-Amz-Signature=secret&X-Amz-Security-Token=secret&X-Amz-Date=d",
			"X-Amz-Credential=[redacted]&X-Amz-Signature=[redacted]&X-Amz-Security-Token=[redacted]&X-Amz-Date=d",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := fault.New(fault.Options{})
			visit(in, "/x?"+test.query)
			if got := in.Calls()[0].Query; got != test.want {
				t.Errorf("query = %q, want %q", got, test.want)
			}
		})
	}
}

func TestCallsAreForgotten(t *testing.T) {
	t.Parallel()
	in := fault.New(fault.Options{})
	visit(in, "/1", "/2")
	in.ResetCalls()
	if in.Total() != 0 || len(in.Calls()) != 0 {
		t.Errorf("after ResetCalls: total %d, calls %v", in.Total(), in.Calls())
	}
}

func TestCallsKeepTheNewest(t *testing.T) {
	t.Parallel()
	const kept = 100_000
	in := fault.New(fault.Options{})
	handler := in.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	early, answer := httptest.NewRequest(http.MethodGet, "/early", nil), httptest.NewRecorder()
	for range kept + 1 {
		handler.ServeHTTP(answer, early)
	}
	visit(in, "/last")
	if calls := in.Calls(); len(calls) != kept || calls[kept-1].Path != "/last" || in.Total() != kept+2 {
		t.Errorf("%d calls kept of %d, the last %s", len(calls), in.Total(), calls[len(calls)-1])
	}
}

func TestACallThatEndsAfterResetCallsIsForgotten(t *testing.T) {
	t.Parallel()
	in := fault.New(fault.Options{})
	handler := in.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		in.ResetCalls()
		visit(in, "/inner")
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/outer", nil))
	if diff := cmp.Diff([]fault.Call{{Method: "GET", Path: "/inner", Status: 202}}, in.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestTargetComesFromTheHeaderOrTheHandler(t *testing.T) {
	t.Parallel()
	in := fault.New(fault.Options{})
	handler := in.Wrap(http.NotFoundHandler())
	named := httptest.NewRequest(http.MethodPut, "/bucket/key", nil)
	handler.ServeHTTP(httptest.NewRecorder(), fault.WithTarget(named, "s3.PutObject"))
	header := httptest.NewRequest(http.MethodPost, "/?a=b", nil)
	header.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
	handler.ServeHTTP(httptest.NewRecorder(), header)

	var got []string
	for _, call := range in.Calls() {
		got = append(got, call.String())
	}
	want := []string{"PUT /bucket/key s3.PutObject 404", "POST /?a=b AmazonSQS.SendMessage 404"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
