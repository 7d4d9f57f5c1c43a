package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
	"github.com/linkersync/linkersync/shared/redact"
)

func TestInvokeRunsTheBinary(t *testing.T) {
	t.Parallel()
	runtime := start(t, nil)
	answer, err := runtime.Invoke(t.Context(), []byte(`{"any": ["thing", 1]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"any":["thing",1]}`; string(answer) != want {
		t.Errorf("answer = %s, want %s", answer, want)
	}
}

func TestOneProcessServesOneCallAfterAnother(t *testing.T) {
	t.Parallel()
	runtime := start(t, func(f *lambda.Function) { f.Concurrency = 1 })
	first := invoke[state](t, runtime, `{"do":"state"}`)
	for want := int64(2); want <= 20; want++ {
		got := invoke[state](t, runtime, `{"do":"state"}`)
		if got.PID != first.PID || got.Count != want {
			t.Fatalf("call %d ran in process %d as its number %d, want process %d", want, got.PID, got.Count, first.PID)
		}
		if got.RequestID == first.RequestID || got.Trace == first.Trace {
			t.Errorf("call %d repeats an id: %s, %s", want, got.RequestID, got.Trace)
		}
	}
	if starts := runtime.Stats().ColdStarts; len(starts) != 1 {
		t.Errorf("%d cold starts, want 1", len(starts))
	}
}

// TestCallsAtTheSameTimeGetProcessesOfTheirOwn makes two executions wait for each
// other, which one process could not.
func TestCallsAtTheSameTimeGetProcessesOfTheirOwn(t *testing.T) {
	t.Parallel()
	runtime := start(t, func(f *lambda.Function) { f.Concurrency = 2 })
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	var pids [2]int
	var calls sync.WaitGroup
	for i, files := range [][2]string{{a, b}, {b, a}} {
		calls.Go(func() {
			pids[i] = invoke[state](t, runtime, fmt.Sprintf(`{"do":"meet","touch":%q,"until":%q}`, files[0], files[1])).PID
		})
	}
	calls.Wait()
	if pids[0] == pids[1] {
		t.Errorf("both calls ran in process %d", pids[0])
	}
	// Both are warm now: the next call takes one of them.
	if third := invoke[state](t, runtime, `{"do":"state"}`).PID; third != pids[0] && third != pids[1] {
		t.Errorf("a third process %d was started beside %v", third, pids)
	}
}

func TestMoreCallsThanReservedAreThrottled(t *testing.T) {
	t.Parallel()
	runtime := start(t, func(f *lambda.Function) { f.Concurrency = 1 })
	dir := t.TempDir()
	busy, free := filepath.Join(dir, "busy"), filepath.Join(dir, "free")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = runtime.Invoke(context.Background(), fmt.Appendf(nil, `{"do":"meet","touch":%q,"until":%q}`, busy, free))
	}()
	waitFor(t, func() bool { _, err := os.Stat(busy); return err == nil })
	_, err := runtime.Invoke(t.Context(), []byte(`{}`))
	if !errors.Is(err, lambda.ErrThrottled) {
		t.Errorf("error = %v, want ErrThrottled", err)
	}
	if err := os.WriteFile(free, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	<-done
	invoke[any](t, runtime, `{}`)
	if got := runtime.Stats(); got.Throttles != 1 || got.Invocations != 2 {
		t.Errorf("%d throttles and %d invocations, want 1 and 2", got.Throttles, got.Invocations)
	}
}

// waitFor polls what only the file system or another process can tell.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for !condition() {
		if t.Context().Err() != nil {
			t.Fatal("the test ended before the condition was true")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestPayloadsAreChecked(t *testing.T) {
	t.Parallel()
	runtime := start(t, nil)
	for name, payload := range map[string]string{
		"empty":     "",
		"not JSON":  "{",
		"too large": `"` + strings.Repeat("x", lambda.MaxPayload-1) + `"`,
	} {
		if _, err := runtime.Invoke(t.Context(), []byte(payload)); !errors.Is(err, lambda.ErrPayload) {
			t.Errorf("%s: error = %v, want ErrPayload", name, err)
		}
	}
	largest := `"` + strings.Repeat("x", lambda.MaxPayload-2) + `"`
	if got := invoke[map[string]string](t, runtime, `{"do":"echo","padding":`+largest[:1+lambda.MaxPayload/2]+`"}`); len(got["padding"]) != lambda.MaxPayload/2 {
		t.Errorf("a large payload came back with %d bytes", len(got["padding"]))
	}
}

func TestFunctionSeesOnlyWhatLambdaGives(t *testing.T) {
	t.Setenv("HOST_CANARY", "canary-7f3a")
	runtime := start(t, func(f *lambda.Function) {
		f.Name, f.Region = "lifecycle", "eu-west-1"
		f.Env = map[string]string{"LINKERSYNC_APP_KEY": "app", "TZ": "UTC"}
		f.Credentials = lambda.Credentials{AccessKeyID: "AKIA", SecretAccessKey: redact.New("s")}
	})
	got := invoke[state](t, runtime, `{"do":"state"}`)
	binary := os.Getenv(handlerPath)
	values := map[string]string{}
	for _, variable := range got.Environ {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	if !regexp.MustCompile(`^127\.0\.0\.1:\d+$`).MatchString(values["AWS_LAMBDA_RUNTIME_API"]) {
		t.Errorf("AWS_LAMBDA_RUNTIME_API = %q", values["AWS_LAMBDA_RUNTIME_API"])
	}
	if !regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`).MatchString(got.Trace) {
		t.Errorf("_X_AMZN_TRACE_ID = %q", got.Trace)
	}
	// The library sets the one of the invocation; the address is a free port.
	delete(values, "_X_AMZN_TRACE_ID")
	delete(values, "AWS_LAMBDA_RUNTIME_API")
	want := map[string]string{
		"_HANDLER": "bootstrap", "LAMBDA_TASK_ROOT": filepath.Dir(binary), "LAMBDA_RUNTIME_DIR": "/var/runtime",
		"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s",
		"AWS_LAMBDA_FUNCTION_NAME": "lifecycle", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_FORMAT": "JSON",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/lifecycle", "AWS_LAMBDA_LOG_STREAM_NAME": "simulator",
		"LANG": "en_US.UTF-8", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH":    "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"LINKERSYNC_APP_KEY": "app",
	}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if got.Dir != filepath.Dir(binary) || got.FunctionName != "lifecycle" {
		t.Errorf("working directory %s, function name %s", got.Dir, got.FunctionName)
	}
	if want := "arn:aws:lambda:eu-west-1:111122223333:function:lifecycle"; got.ARN != want || runtime.ARN() != want {
		t.Errorf("ARN = %s and %s, want %s", got.ARN, runtime.ARN(), want)
	}
	if got.Left <= 0 || got.Left > 60_000 {
		t.Errorf("%d ms to the deadline, want up to 60,000", got.Left)
	}
}

func TestStartRefusesWhatCannotRun(t *testing.T) {
	t.Parallel()
	binary := os.Getenv(handlerPath)
	text := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(text, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		function lambda.Function
		want     string
	}{
		"no binary":            {lambda.Function{Binary: text + "-absent"}, "start function f: find bootstrap, build it first: "},
		"a folder":             {lambda.Function{Binary: filepath.Dir(text)}, "is not an executable file"},
		"not executable":       {lambda.Function{Binary: text}, "is not an executable file"},
		"a reserved variable":  {lambda.Function{Binary: binary, Env: map[string]string{"AWS_REGION": "x"}}, "start function f: set environment: AWS_REGION is reserved by Lambda"},
		"credentials":          {lambda.Function{Binary: binary, Env: map[string]string{"AWS_ACCESS_KEY_ID": "x"}}, "set environment: AWS_ACCESS_KEY_ID is reserved by Lambda"},
		"the handler":          {lambda.Function{Binary: binary, Env: map[string]string{"_HANDLER": "x"}}, "set environment: _HANDLER is reserved by Lambda"},
		"a name with a dash":   {lambda.Function{Binary: binary, Env: map[string]string{"A-B": "x"}}, `set environment: "A-B" is not a variable's name`},
		"a name of one letter": {lambda.Function{Binary: binary, Env: map[string]string{"A": "x"}}, `set environment: "A" is not a variable's name`},
		"too large":            {lambda.Function{Binary: binary, Env: map[string]string{"AA": strings.Repeat("x", 4095)}}, "set environment: 4097 bytes, more than 4096"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.function.Name = "f"
			runtime, err := lambda.Start(test.function)
			if err == nil {
				runtime.Stop()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %q, want %q in it", err, test.want)
			}
		})
	}
	largest := lambda.Function{Name: "f", Binary: binary, Env: map[string]string{"AA": strings.Repeat("x", 4094)}}
	if runtime, err := lambda.Start(largest); err != nil {
		t.Errorf("the largest environment is refused: %v", err)
	} else {
		runtime.Stop()
	}
}
