// Package startup holds what every function does before its first event: read its
// configuration, make its logger, build its AWS clients. It runs in the cold
// start, so it calls nothing and reads no file.
package startup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Build makes a function's handler from its environment, of any type that lambda.Start
// takes. It reports every configuration problem at once and calls nothing.
type Build func(e *Environment, log *slog.Logger, out io.Writer) (handler any, err error)

// Main configures the function and serves until Lambda ends the process.
func Main(name string, build Build) {
	handler, err := New(build, os.Getenv, os.Stdout)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

// New is the part of Main before the first event.
func New(build Build, getenv func(string) string, out io.Writer) (handler any, err error) {
	environment := &Environment{Getenv: getenv}
	return build(environment, Logger(environment, out), out)
}

// Environment reads variables and collects what is wrong with them, so that a
// deployment hears about all of it at once.
type Environment struct {
	Getenv   func(string) string
	problems []error
}

// Required returns the variable, and records a problem when it is empty.
func (e *Environment) Required(name string) string {
	value := e.Getenv(name)
	if value == "" {
		e.problems = append(e.problems, fmt.Errorf("%s is not set; template.yaml sets it", name))
	}
	return value
}

// Optional returns the variable, or fallback when it is empty.
func (e *Environment) Optional(name, fallback string) string {
	if value := e.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// Wrong records a problem with a variable.
func (e *Environment) Wrong(name string, err error) {
	if err != nil {
		e.problems = append(e.problems, fmt.Errorf("%s: %w", name, err))
	}
}

// Err returns every recorded problem, nil when there is none.
func (e *Environment) Err() error {
	if len(e.problems) == 0 {
		return nil
	}
	return fmt.Errorf("configure the function: %w", errors.Join(e.problems...))
}

// Logger returns the function's logger: one JSON object a line, with what
// names the invocation, its trace and its run, see [WithRun].
func Logger(e *Environment, out io.Writer) *slog.Logger {
	var level slog.Level
	e.Wrong("LINKERSYNC_LOG_LEVEL", level.UnmarshalText([]byte(e.Optional("LINKERSYNC_LOG_LEVEL", "info"))))
	return slog.New(invocation{slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: escape})})
}

// escape makes a log line safe to read on a terminal and in a browser. What strangers and
// other services sent may hold control characters and characters that turn the direction
// of text. JSON escapes the first 32 characters; the others become Go escapes here.
func escape(_ []string, a slog.Attr) slog.Attr {
	text := ""
	switch value := a.Value.Any().(type) {
	case string:
		text = value
	case error:
		text = value.Error()
	default:
		return a
	}
	var escaped strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		if r < ' ' || strconv.IsPrint(r) {
			escaped.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		escaped.WriteString(quoted[1 : len(quoted)-1])
	}
	return slog.String(a.Key, escaped.String())
}

// runKey is the context's key of the run that an invocation works on.
type runKey struct{}

// WithRun makes each log line of ctx have the run.
func WithRun(ctx context.Context, run string) context.Context {
	return context.WithValue(ctx, runKey{}, run)
}

// invocation adds to each record what finds the lines that belong together: Lambda's
// request id, X-Ray's trace id, and the run. lambdacontext's own handler writes to
// standard output only, and has the first alone.
type invocation struct{ slog.Handler }

// Handle implements slog.Handler.
func (h invocation) Handle(ctx context.Context, record slog.Record) error {
	if invoked, ok := lambdacontext.FromContext(ctx); ok {
		record.AddAttrs(slog.String("request_id", invoked.AwsRequestID))
	}
	// Such as "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".
	// Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
	if header, _ := ctx.Value("x-amzn-trace-id").(string); strings.HasPrefix(header, "Root=") {
		root, _, _ := strings.Cut(header[len("Root="):], ";")
		record.AddAttrs(slog.String("trace_id", root))
	}
	if run, _ := ctx.Value(runKey{}).(string); run != "" {
		record.AddAttrs(slog.String("run", run))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h invocation) WithAttrs(attributes []slog.Attr) slog.Handler {
	return invocation{h.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (h invocation) WithGroup(name string) slog.Handler { return invocation{h.Handler.WithGroup(name)} }

// ErrPanic is what a recovered panic becomes.
var ErrPanic = errors.New("the function panicked")

// Recover turns a panic into an error: defer it with a named error result. It logs
// where, and not the panic's value, which may quote a payload.
func Recover(ctx context.Context, log *slog.Logger, err *error) {
	value := recover()
	if value == nil {
		return
	}
	log.ErrorContext(ctx, "panic", slog.String("type", fmt.Sprintf("%T", value)), slog.String("stack", string(debug.Stack())))
	*err = ErrPanic
}
