package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/failure"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/transport"
)

// invocation is one run of the command: what a verb needs besides its own flags.
type invocation struct {
	process Process
	// stdout is what process.Stdout ends in; see output.
	stdout *output
	// bar is drawn on screen, which is standard error as it is.
	bar    progress
	screen io.Writer
	// Whether a person looks at standard output and standard error.
	outTerminal, errTerminal bool

	// The flags that every verb has.
	options           setup.Options
	jsonAs            string
	noColour, verbose bool
	// all shows every value and every place, where others are cut; verbs have the flag.
	all bool

	// json tells whether the run prints document, which is written as results come.
	json     bool
	document *document.Writer
	// problems, summary and sentence are what the run ends with.
	problems document.Problems
	// passing counts the problems that time may solve.
	passing  int
	summary  any
	sentence string
	rowsOnly bool

	// Set by begin, once the flags are known.
	ctx context.Context
	// interrupted ends with the first signal.
	interrupted context.Context
	cancel      context.CancelFunc
	session     *setup.Session
	log         *slog.Logger
	// answers is what a person types, once a question was asked.
	answers *bufio.Reader
	// started tells a verb's own error from a wrong command line.
	started bool
}

func newInvocation(process Process) *invocation {
	if process.Now == nil {
		process.Now = time.Now
	}
	inv := &invocation{
		interrupted: context.Background(),
		stdout:      &output{Writer: process.Stdout}, outTerminal: isTerminal(process.Stdout), errTerminal: isTerminal(process.Stderr),
		ctx: context.Background(), cancel: func() {},
	}
	// Once for every verb, message and help text: names and errors hold text of others.
	inv.screen = process.Stderr
	process.Stdout = over{platform.Text(process.Getenv, inv.stdout), &inv.bar}
	process.Stderr = over{platform.Text(process.Getenv, process.Stderr), &inv.bar}
	inv.process, inv.document = process, &document.Writer{Out: process.Stdout}
	return inv
}

// begin makes what verbs need out of flags and environment.
func (inv *invocation) begin(command *cobra.Command) error {
	if err := fillFlags(command, inv.process.Getenv); err != nil {
		return err
	}
	if err := checkFlags(command); err != nil {
		return err
	}
	inv.asJSON(inv.jsonAs)
	level := slog.LevelWarn
	if inv.verbose {
		level = slog.LevelDebug
	}
	inv.log = slog.New(slog.NewTextHandler(inv.process.Stderr, &slog.HandlerOptions{Level: level}))
	inv.options.Now, inv.options.Watch = inv.process.Now, inv.watch
	inv.session = setup.New(inv.options, inv.process.Getenv, "linkersync/"+inv.process.Version)
	inv.ctx, inv.cancel = context.WithTimeoutCause(command.Context(), inv.options.Timeout, fmt.Errorf("it took longer than --timeout %s", inv.options.Timeout))
	return nil
}

// asJSON takes the value of --json.
func (inv *invocation) asJSON(as string) {
	inv.json, inv.document.Lines = as != "", as == jsonLines
}

// verb is a command's RunE.
func (inv *invocation) verb(work func(args []string) error) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		inv.started = true
		return work(args)
	}
}

// colour tells whether standard output is a terminal that may be coloured.
// Source: https://no-color.org
func (inv *invocation) colour() bool {
	return !inv.noColour && inv.process.Getenv("NO_COLOR") == "" && inv.process.Getenv("TERM") != "dumb" && inv.outTerminal
}

// progress begins the bar on a terminal. count returns the total, which may cost calls;
// nil means that the total is not known.
func (inv *invocation) progress(what string, count func() (int, error)) {
	if !inv.errTerminal || inv.json {
		return
	}
	total := -1
	if count != nil {
		if counted, err := count(); err == nil { // the work itself will say what is wrong
			total = counted
		}
	}
	inv.bar.begin(inv.screen, what, total)
}

// watch logs an attempt of a call, and moves the bar.
func (inv *invocation) watch(a transport.Attempt) {
	inv.bar.call()
	if !inv.log.Enabled(inv.ctx, slog.LevelDebug) {
		return
	}
	attributes := []slog.Attr{
		slog.String("method", a.Method), slog.String("path", a.Path), slog.Int("status", a.Status), slog.Duration("duration", a.Took.Round(time.Millisecond)),
	}
	if a.Err != nil {
		attributes = append(attributes, slog.String("error", a.Err.Error()))
	}
	inv.log.LogAttrs(inv.ctx, slog.LevelDebug, "call", attributes...)
}

// done ends a verb that did one thing, with the sentence that says it.
func (inv *invocation) done(format string, args ...any) error {
	inv.sum(nil, format, args...)
	return nil
}

// usageError is a wrong use of the command that its grammar could not tell.
type usageError struct {
	message string
	// cause is nil for what only the message says.
	cause error
}

func (e usageError) Error() string { return e.message }

func (e usageError) Unwrap() error { return e.cause }

func usage(format string, args ...any) error {
	return usageError{message: fmt.Sprintf(format, args...)}
}

// errChanges ends `plan --exit-code` when there is something to change, and doctor when
// the linker endpoints are gone. It is an answer, so it is not printed.
var errChanges = errors.New("there are changes")

// errReported ends a verb that has printed its errors with its results.
var errReported = errors.New("failed, as printed")

// reported ends a verb that took in failures; it is nil without any.
func (inv *invocation) reported() error {
	switch total := inv.problems.Total(); total {
	case 0:
		return nil
	case inv.passing:
		return errLater
	}
	return errReported
}

// errLater is errReported when each of the errors may pass.
var errLater = fmt.Errorf("%w: run it again later", errReported)

// finish prints how the run ended, and returns its exit code.
func (inv *invocation) finish(err error) int {
	if cause := context.Cause(inv.ctx); err != nil && cause != nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	code := inv.exitCode(err)
	inv.failed(err, code)
	if inv.json && !inv.started && code == exitOK {
		return code // help, which is text
	}
	lost := inv.end()
	if first := inv.stdout.failed(); first != nil {
		lost = first
	}
	if lost != nil && (inv.json || !errors.Is(err, lost)) {
		_, _ = fmt.Fprintf(inv.process.Stderr, "linkersync: not all of the output could be written: %v\n", lost)
	}
	if lost != nil && (code == exitOK || code == exitChanges) {
		return exitFailed
	}
	return code
}

func (inv *invocation) exitCode(err error) int {
	_, wrongUse := errors.AsType[usageError](err)
	switch {
	case err == nil:
		return exitOK
	case inv.interrupted.Err() != nil:
		return exitInterrupted
	case errors.Is(err, errChanges):
		return exitChanges
	case wrongUse, errors.Is(err, setup.ErrNoApp):
		return exitUsage
	case errors.Is(err, errLater):
		return exitLater
	case errors.Is(err, errReported):
		return exitFailed
	case inv.passing < inv.problems.Total():
		return exitFailed // what ended the run may pass, and what was taken in before does not
	case failure.Passing(err), inv.passing > 0 && errors.Is(err, apply.ErrNotReady):
		return exitLater
	}
	return exitFailed
}

// failed takes in the error that ended the verb, unless it was taken in before.
func (inv *invocation) failed(err error, code int) {
	reported := errors.Is(err, errReported)
	if err == nil || code == exitChanges || reported && code != exitInterrupted || inv.failManifest(err, "The manifest has problems, so nothing was called.") {
		return
	}
	problem := document.Problem{Message: err.Error(), Hint: inv.hintFor(err)}
	switch {
	case code == exitInterrupted && (reported || errors.Is(err, context.Canceled)):
		problem.Message, problem.Hint = "interrupted", interruptedHint
	case code == exitInterrupted:
		problem.Hint = interruptedHint
	case !inv.started:
		problem.Hint = "Run \"linkersync --help\", or a verb with --help, for what it takes."
	}
	inv.problems.Add(problem, "")
}

// failManifest takes in each problem of a manifest; it tells whether err has any.
func (inv *invocation) failManifest(err error, hint string) bool {
	problems, has := errors.AsType[manifest.Problems](err)
	for _, problem := range problems {
		inv.problems.Add(document.Problem{
			Message: problem.Message, File: problem.File, Position: problem.Position, Hint: hint,
		}, "")
	}
	return has
}
