package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// fails runs the function on a payload that must fail by itself.
func fails(t *testing.T, runtime *lambda.Runtime, payload string) *lambda.FunctionError {
	t.Helper()
	answer, err := runtime.Invoke(t.Context(), []byte(payload))
	var failed *lambda.FunctionError
	if !errors.As(err, &failed) {
		t.Fatalf("invoke %s: answer %s, error %v, want a FunctionError", payload, answer, err)
	}
	if answer != nil {
		t.Errorf("an answer came with the error: %s", answer)
	}
	return failed
}

func TestFailuresOfAnInvocation(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		payload, kind, message string
		// survives tells that the process goes on; a crash replaces it.
		survives bool
	}{
		"the handler returns an error": {`{"do":"error"}`, "errorString", "refused by the handler", true},
		"the handler panics":           {`{"do":"panic"}`, "string", "out of control", false},
		"the process exits":            {`{"do":"exit"}`, lambda.TypeExit, "RequestId: <id> Error: Runtime exited with error: exit status 3", false},
		"the process exits quietly":    {`{"do":"exit quietly"}`, lambda.TypeExit, "RequestId: <id> Error: Runtime exited without providing a reason", false},
		"the answer is too large":      {fmt.Sprintf(`{"do":"large","size":%d}`, lambda.MaxPayload), lambda.TypeTooLarge, "RequestId: <id> Error: Response payload size exceeded maximum allowed payload size (6291456 bytes).", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runtime := start(t, func(f *lambda.Function) { f.Concurrency = 1 })
			before := invoke[state](t, runtime, `{"do":"state"}`).PID
			failed := fails(t, runtime, test.payload)
			if got := strings.ReplaceAll(failed.Message, failed.RequestID, "<id>"); failed.Type != test.kind || got != test.message {
				t.Errorf("failed with %s: %s, want %s: %s", failed.Type, got, test.kind, test.message)
			}
			var content struct{ ErrorType, ErrorMessage string }
			if err := json.Unmarshal(failed.Payload, &content); err != nil || content.ErrorType != test.kind || content.ErrorMessage != failed.Message {
				t.Errorf("payload = %s (%v)", failed.Payload, err)
			}
			if want := "function handler failed: " + failed.Type + ": " + failed.Message; failed.Error() != want {
				t.Errorf("Error() = %q, want %q", failed.Error(), want)
			}
			after := invoke[state](t, runtime, `{"do":"state"}`).PID
			if survived := after == before; survived != test.survives {
				t.Errorf("the process went on: %t, want %t", survived, test.survives)
			}
			if running(before) != test.survives {
				t.Errorf("process %d is there: %t", before, !test.survives)
			}
			if got := runtime.Stats(); got.Failures != 1 || got.Invocations != 3 {
				t.Errorf("%d failures of %d invocations, want 1 of 3", got.Failures, got.Invocations)
			}
		})
	}
}

func TestLargestAnswer(t *testing.T) {
	t.Parallel()
	runtime := start(t, nil)
	size := lambda.MaxPayload - len(`""`)
	if got := invoke[string](t, runtime, fmt.Sprintf(`{"do":"large","size":%d}`, size)); len(got) != size {
		t.Errorf("answer of %d bytes, want %d", len(got), size)
	}
}

func TestTimeoutKillsAndReplacesTheProcess(t *testing.T) {
	t.Parallel()
	const limit = 2 * time.Second
	runtime := start(t, func(f *lambda.Function) { f.Timeout, f.Concurrency = limit, 1 })
	before := invoke[state](t, runtime, `{"do":"state"}`).PID
	failed := fails(t, runtime, `{"do":"hang"}`)
	want := "RequestId: " + failed.RequestID + " Error: Task timed out after 2.00 seconds"
	if failed.Type != lambda.TypeTimeout || failed.Message != want {
		t.Errorf("failed with %s: %s", failed.Type, failed.Message)
	}
	if running(before) {
		t.Errorf("process %d hangs on", before)
	}
	if after := invoke[state](t, runtime, `{"do":"state"}`); after.PID == before || after.Count != 1 {
		t.Errorf("process %d, call %d: want a new process", after.PID, after.Count)
	}
}

func TestFailuresOfAStart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ init, kind, message string }{
		"the process exits":          {"exit", lambda.TypeExit, "RequestId: <id> Error: Runtime exited with error: exit status 7"},
		"it reports why":             {"error", "Runtime.Configuration", "no configuration"},
		"it reports and stays":       {"error and hang", "Runtime.Configuration", "no configuration"},
		"it never asks for anything": {"hang", lambda.TypeTimeout, "RequestId: <id> Error: Init timed out after 0.50 seconds"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runtime := start(t, func(f *lambda.Function) {
				f.Env = map[string]string{"INIT": test.init}
				if strings.Contains(test.init, "hang") {
					f.InitTimeout = 500 * time.Millisecond
				}
			})
			// Each invocation tries a new process.
			for range 2 {
				failed := fails(t, runtime, `{}`)
				if got := strings.ReplaceAll(failed.Message, failed.RequestID, "<id>"); failed.Type != test.kind || got != test.message {
					t.Errorf("failed with %s: %s, want %s: %s", failed.Type, got, test.kind, test.message)
				}
				if failed.RequestID == "" {
					t.Error("the failure has no request id")
				}
			}
			if starts := runtime.Stats().ColdStarts; len(starts) != 0 {
				t.Errorf("%d cold starts were counted", len(starts))
			}
		})
	}
}

func TestBinaryThatIsNoProgram(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(path, []byte("\x7fELF garbage"), 0o700); err != nil {
		t.Fatal(err)
	}
	runtime := start(t, func(f *lambda.Function) { f.Binary = path })
	if failed := fails(t, runtime, `{}`); failed.Type != lambda.TypeLaunch {
		t.Errorf("failed with %s: %s, want %s", failed.Type, failed.Message, lambda.TypeLaunch)
	}
}

func TestCallerWhoLeavesDoesNotEndTheFunction(t *testing.T) {
	t.Parallel()
	runtime := start(t, func(f *lambda.Function) { f.Concurrency = 1 })
	dir := t.TempDir()
	begun, end := filepath.Join(dir, "begun"), filepath.Join(dir, "end")
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := runtime.Invoke(ctx, fmt.Appendf(nil, `{"do":"meet","touch":%q,"until":%q}`, begun, end))
		left <- err
	}()
	waitFor(t, func() bool { _, err := os.Stat(begun); return err == nil })
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
	if err := os.WriteFile(end, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// The same process finishes and takes the next call.
	waitFor(t, func() bool { return runtime.Stats().Invocations == 1 })
	if got := invoke[state](t, runtime, `{"do":"state"}`); got.Count != 2 {
		t.Errorf("call %d of its process, want 2", got.Count)
	}
}
