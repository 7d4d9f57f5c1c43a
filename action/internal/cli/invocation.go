package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/failure"
)

// invocation is one run of the command: what a verb needs besides its own flags.
type invocation struct {
	process Process
	// stdout is what process.Stdout ends in; see output.
	stdout *output
	// Whether a person looks at standard output and standard error.
	outTerminal, errTerminal bool

	// The flags that every verb has.
	options                 setup.Options
	json, noColour, verbose bool

	// Set by begin, once the flags are known.
	ctx context.Context
	// interrupted ends with the first signal.
	interrupted context.Context
	end         context.CancelFunc
	session     *setup.Session
	log         *slog.Logger
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
		ctx: context.Background(), end: func() {},
	}
	// Once for every verb, message and help text: names and errors hold text of others.
	process.Stdout, process.Stderr = platform.Text(process.Getenv, inv.stdout), platform.Text(process.Getenv, process.Stderr)
	inv.process = process
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
	level := slog.LevelWarn
	if inv.verbose {
		level = slog.LevelDebug
	}
	inv.log = slog.New(slog.NewTextHandler(inv.process.Stderr, &slog.HandlerOptions{Level: level}))
	inv.options.Now = inv.process.Now
	inv.session = setup.New(inv.options, inv.process.Getenv, "linkersync/"+inv.process.Version)
	inv.ctx, inv.end = context.WithTimeoutCause(command.Context(), inv.options.Timeout, fmt.Errorf("it took longer than --timeout %s", inv.options.Timeout))
	return nil
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

// progress tells whether a progress bar can be seen, and does not disturb a log.
func (inv *invocation) progress() bool {
	return inv.errTerminal && !inv.json && !inv.verbose
}

// done says what a verb did, in a sentence or as JSON.
func (inv *invocation) done(format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return inv.print(map[string]string{"done": message}, func(w io.Writer) { _, _ = fmt.Fprintln(w, message) })
}

// usageError is a wrong use of the command that its grammar could not tell.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// errChanges ends `plan --exit-code` when there is something to change, and doctor when
// the linker endpoints are gone. It is an answer, so it is not printed.
var errChanges = errors.New("there are changes")

// errReported ends a verb that has printed its errors with its results.
var errReported = errors.New("failed, as printed")

// failures counts what a verb has printed of them.
type failures struct{ all, passing int }

func (f *failures) add(err error) {
	f.all++
	if failure.Passing(err) {
		f.passing++
	}
}

// err ends the verb. It is nil without a failure.
func (f *failures) err() error {
	switch {
	case f.all == 0:
		return nil
	case f.all == f.passing:
		return errLater
	}
	return errReported
}

// errLater is errReported when each of the errors may pass.
var errLater = fmt.Errorf("%w: run it again later", errReported)

// finish prints err, if it needs it, and returns the exit code for it.
func (inv *invocation) finish(err error) int {
	if cause := context.Cause(inv.ctx); err != nil && cause != nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	if lost := inv.stdout.failed(); lost != nil && !errors.Is(err, lost) {
		_, _ = fmt.Fprintf(inv.process.Stderr, "linkersync: not all of the output could be written: %v\n", lost)
		if err == nil {
			return exitFailed
		}
	}
	var wrongUse usageError
	switch {
	case err == nil:
		return exitOK
	case inv.interrupted.Err() != nil:
		if !errors.Is(err, errReported) {
			_, _ = fmt.Fprintf(inv.process.Stderr, "linkersync: %v\n", err)
		}
		inv.hint(context.Canceled)
		return exitInterrupted
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.Is(err, errLater):
		return exitLater
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &wrongUse):
		_, _ = fmt.Fprintf(inv.process.Stderr, "linkersync: %v\n", err)
		return exitUsage
	}
	_, _ = fmt.Fprintf(inv.process.Stderr, "linkersync: %v\n", err)
	inv.hint(err)
	if failure.Passing(err) {
		return exitLater
	}
	return exitFailed
}

// hint prints what to do about err, when the command knows.
func (inv *invocation) hint(err error) {
	if hint := inv.hintFor(err); hint != "" {
		_, _ = fmt.Fprintf(inv.process.Stderr, "  %s\n", hint)
	}
}
