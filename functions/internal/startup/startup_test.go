package startup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/startup"
)

func environment(variables map[string]string) *startup.Environment {
	return &startup.Environment{Getenv: func(name string) string { return variables[name] }}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	e := environment(map[string]string{"SET": "value"})
	got := []string{e.Required("SET"), e.Optional("SET", "fallback"), e.Optional("UNSET", "fallback")}
	if diff := cmp.Diff([]string{"value", "value", "fallback"}, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	e.Wrong("SET", nil)
	if err := e.Err(); err != nil {
		t.Errorf("Err() = %v", err)
	}
}

// TestProblems: a deployment hears about everything that is wrong at once.
func TestProblems(t *testing.T) {
	t.Parallel()
	e := environment(nil)
	cause := errors.New("no such proof")
	e.Required("FIRST")
	e.Wrong("SECOND", cause)
	e.Required("THIRD")
	err := e.Err()
	if !errors.Is(err, cause) {
		t.Errorf("the cause is lost: %v", err)
	}
	const want = "configure the function: FIRST is not set; template.yaml sets it\nSECOND: no such proof\nTHIRD is not set; template.yaml sets it"
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// logged returns the lines as objects, without their times.
func logged(t *testing.T, out *bytes.Buffer) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(out.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		delete(object, "time")
		lines = append(lines, object)
	}
	return lines
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := startup.Logger(environment(nil), &out)
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	log.DebugContext(ctx, "hidden")
	log.InfoContext(ctx, "plain")
	log.With(slog.String("key", "value")).InfoContext(ctx, "with")
	log.WithGroup("group").WarnContext(ctx, "grouped", slog.Int("n", 1))
	log.InfoContext(context.Background(), "outside")
	traced := context.WithValue(startup.WithRun(t.Context(), "run-1"), "x-amzn-trace-id", "Root=1-5759e988;Parent=5399;Sampled=1") //nolint:revive,staticcheck // as lambda.Start does
	log.InfoContext(traced, "traced")
	want := []map[string]any{
		{"level": "INFO", "msg": "plain", "request_id": "request-1"},
		{"level": "INFO", "msg": "with", "key": "value", "request_id": "request-1"},
		{"level": "WARN", "msg": "grouped", "group": map[string]any{"n": 1.0, "request_id": "request-1"}},
		{"level": "INFO", "msg": "outside"},
		{"level": "INFO", "msg": "traced", "trace_id": "1-5759e988", "run": "run-1"},
	}
	if diff := cmp.Diff(want, logged(t, &out)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]int{"debug": 2, "info": 1, "ERROR": 0} {
		var out bytes.Buffer
		e := environment(map[string]string{"LINKERSYNC_LOG_LEVEL": level})
		log := startup.Logger(e, &out)
		log.DebugContext(t.Context(), "debug")
		log.InfoContext(t.Context(), "info")
		if got := len(logged(t, &out)); got != want || e.Err() != nil {
			t.Errorf("level %s: %d lines, want %d; problems: %v", level, got, want, e.Err())
		}
	}
	e := environment(map[string]string{"LINKERSYNC_LOG_LEVEL": "loud"})
	startup.Logger(e, &bytes.Buffer{})
	if err := e.Err(); err == nil || !strings.Contains(err.Error(), "LINKERSYNC_LOG_LEVEL: ") {
		t.Errorf("level loud: %v", err)
	}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	const mark = "canary-7f3a"
	panics := map[string]func(){
		"string": func() { panic(mark) },
		"*errors.errorString": func() {
			panic(errors.New(mark))
		},
		"runtime.boundsError": func() {
			short := make([]string, len(mark)-1)
			_ = short[len(mark)]
		},
	}
	for kind, f := range panics {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := startup.Logger(environment(nil), &out)
			handle := func() (err error) {
				defer startup.Recover(t.Context(), log, &err)
				f()
				return nil
			}
			if err := handle(); !errors.Is(err, startup.ErrPanic) {
				t.Errorf("error = %v", err)
			}
			lines := logged(t, &out)
			if len(lines) != 1 || lines[0]["msg"] != "panic" || lines[0]["type"] != kind {
				t.Fatalf("logged %v", lines)
			}
			if stack := fmt.Sprint(lines[0]["stack"]); !strings.Contains(stack, "startup_test.go") {
				t.Errorf("the stack doesn't say where: %s", stack)
			}
			if strings.Contains(out.String(), mark) {
				t.Errorf("the log has the panic's value: %s", &out)
			}
		})
	}
}

// TestRecoverNothing: without a panic, the error stays what it is.
func TestRecoverNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cause := errors.New("as before")
	handle := func() (err error) {
		defer startup.Recover(t.Context(), startup.Logger(environment(nil), &out), &err)
		return cause
	}
	if err := handle(); !errors.Is(err, cause) || out.Len() > 0 {
		t.Errorf("error = %v, log %q", err, &out)
	}
}

// TestLogEscapesWhatCannotBePrinted, wherever it stands: names of S3 objects, issuers of
// tokens and error texts come from strangers.
func TestLogEscapesWhatCannotBePrinted(t *testing.T) {
	t.Parallel()
	const hostile, safe = "a\u202eb\u2066c\u0085d\u200be\x7f\xff", `a\u202eb\u2066c\u0085d\u200be\x7f` + "\ufffd"
	var out bytes.Buffer
	log := startup.Logger(environment(nil), &out).With(slog.String("kept", hostile))
	log.ErrorContext(t.Context(), "failed "+hostile,
		slog.String("text", hostile), slog.Any("error", errors.New(hostile)), slog.Group("in", slog.String("text", hostile)))
	line := logged(t, &out)[0]
	got := []any{line["msg"], line["kept"], line["text"], line["error"], line["in"].(map[string]any)["text"]}
	if diff := cmp.Diff([]any{"failed " + safe, safe, safe, safe, safe}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
