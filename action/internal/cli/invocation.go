package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/linkersync/linkersync/action/internal/session"
)

// invocation is one run of the command: what a verb needs besides its own flags.
type invocation struct {
	process Process

	// The flags that every verb has.
	options                 session.Options
	json, noColour, verbose bool
	timeout                 time.Duration

	// Set by begin, once the flags are known.
	ctx     context.Context
	end     context.CancelFunc
	session *session.Session
	log     *slog.Logger
	// started tells a verb's own error from a wrong command line.
	started bool
}

func newInvocation(process Process) *invocation {
	if process.Now == nil {
		process.Now = time.Now
	}
	return &invocation{process: process, ctx: context.Background(), end: func() {}}
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
	inv.session = session.New(inv.options, inv.process.Getenv, "linkersync/"+inv.process.Version)
	inv.ctx, inv.end = context.WithTimeoutCause(command.Context(), inv.timeout, fmt.Errorf("it took longer than --timeout %s", inv.timeout))
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
	return !inv.noColour && inv.process.Getenv("NO_COLOR") == "" && inv.process.Getenv("TERM") != "dumb" && isTerminal(inv.process.Stdout)
}

// progress tells whether a progress bar can be seen, and does not disturb a log.
func (inv *invocation) progress() bool {
	return isTerminal(inv.process.Stderr) && !inv.json && !inv.verbose
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// print writes value as JSON when asked for, and otherwise calls text.
func (inv *invocation) print(value any, text func(io.Writer)) error {
	if !inv.json {
		text(inv.process.Stdout)
		return nil
	}
	encoder := json.NewEncoder(inv.process.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
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

// errChanges ends `plan --exit-code` when there is something to change. It is an
// answer, so it is not printed.
var errChanges = errors.New("there are changes")

// errReported ends a verb that has printed its errors with its results.
var errReported = errors.New("failed, as printed")

// finish prints err, if it needs it, and returns the exit code for it.
func (inv *invocation) finish(err error) int {
	if cause := context.Cause(inv.ctx); err != nil && cause != nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	var wrongUse usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &wrongUse):
		_, _ = fmt.Fprintf(inv.process.Stderr, "linkersync: %v\n", err)
		return exitUsage
	}
	_, _ = fmt.Fprintf(inv.process.Stderr, "linkersync: %v\n", err)
	inv.hint(err)
	return exitFailed
}

// hint prints what to do about err, when the command knows.
func (inv *invocation) hint(err error) {
	if hint := inv.hintFor(err); hint != "" {
		_, _ = fmt.Fprintf(inv.process.Stderr, "  %s\n", hint)
	}
}
