package lambda_test

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// startRaw runs the handler that speaks the runtime API by hand.
func startRaw(t *testing.T, change func(*lambda.Function)) *lambda.Runtime {
	t.Helper()
	return start(t, func(f *lambda.Function) {
		f.Concurrency, f.Env = 1, map[string]string{"RAW": "1"}
		if change != nil {
			change(f)
		}
	})
}

func TestNextTellsAboutTheInvocation(t *testing.T) {
	t.Parallel()
	runtime := startRaw(t, nil)
	before := time.Now()
	header := http.Header(invoke[map[string][]string](t, runtime, `{"do":"headers"}`))
	for name, pattern := range map[string]string{
		"Content-Type":                        `^application/json$`,
		"Lambda-Runtime-Aws-Request-Id":       `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		"Lambda-Runtime-Invoked-Function-Arn": `^arn:aws:lambda:eu-central-1:111122223333:function:handler$`,
		"Lambda-Runtime-Trace-Id":             `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`,
	} {
		if got := header.Get(name); !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%s = %q, want %s", name, got, pattern)
		}
	}
	deadline, err := strconv.ParseInt(header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if earliest, latest := before.Add(time.Minute).UnixMilli(), time.Now().Add(time.Minute).UnixMilli(); deadline < earliest || deadline > latest {
		t.Errorf("deadline %d is not between %d and %d", deadline, earliest, latest)
	}
}

func TestAnswersToAnotherInvocationAreRefused(t *testing.T) {
	t.Parallel()
	runtime := startRaw(t, nil)
	type refusal struct {
		Status int
		Body   string
	}
	want := refusal{http.StatusBadRequest, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`}
	if diff := cmp.Diff(want, invoke[refusal](t, runtime, `{"do":"wrong id"}`)); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
	if got := invoke[string](t, runtime, `{"do":"answer twice"}`); got != "first" {
		t.Errorf("answer = %q, want the first", got)
	}
	if got := invoke[int](t, runtime, `{"do":"remembered"}`); got != http.StatusBadRequest {
		t.Errorf("the second answer was met with %d, want 400", got)
	}
}

func TestFailuresOfTheProtocol(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ payload, kind, message, body string }{
		"asking for more without an answer": {`{"do":"no answer"}`, lambda.TypeNotAnswered, "Runtime asked for the next invocation without answering this one", ""},
		"an error that isn't JSON":          {`{"do":"odd error"}`, "Custom.Kind", "", "not JSON"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runtime := startRaw(t, nil)
			failed := fails(t, runtime, test.payload)
			want := test.message
			if test.kind == lambda.TypeNotAnswered {
				want = "RequestId: " + failed.RequestID + " Error: " + want
			}
			if failed.Type != test.kind || failed.Message != want {
				t.Errorf("failed with %s: %s, want %s: %s", failed.Type, failed.Message, test.kind, want)
			}
			if test.body != "" && string(failed.Payload) != test.body {
				t.Errorf("payload = %s, want %s", failed.Payload, test.body)
			}
			// None of this ends the process.
			invoke[any](t, runtime, `{"do":"remembered"}`)
			if starts := runtime.Stats().ColdStarts; len(starts) != 1 {
				t.Errorf("%d cold starts, want 1", len(starts))
			}
		})
	}
}

func TestUnknownPathsAreNotFound(t *testing.T) {
	t.Parallel()
	if got := invoke[int](t, startRaw(t, nil), `{"do":"unknown path"}`); got != http.StatusNotFound {
		t.Errorf("status %d, want 404", got)
	}
}

// TestAnswerCountsEvenIfTheProcessLingers: the answer is the caller's, the process
// is ended at its time-out, because it can't take another invocation.
func TestAnswerCountsEvenIfTheProcessLingers(t *testing.T) {
	t.Parallel()
	runtime := startRaw(t, func(f *lambda.Function) { f.Timeout = 2 * time.Second })
	if got := invoke[string](t, runtime, `{"do":"answer and linger"}`); got != "done" {
		t.Errorf("answer = %q", got)
	}
	starts := runtime.Stats().ColdStarts
	if len(starts) != 1 || running(starts[0].PID) {
		t.Errorf("cold starts %+v: want one, and its process gone", starts)
	}
}
