package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/linkersync/linkersync/action/internal/session"
)

// invocation is one run of the command: what a verb needs besides its own flags.
type invocation struct {
	ctx     context.Context
	line    *root
	process Process
	session *session.Session
	log     *slog.Logger
}

func newInvocation(ctx context.Context, line *root, process Process) *invocation {
	level := slog.LevelWarn
	if line.Verbose {
		level = slog.LevelDebug
	}
	return &invocation{
		ctx: ctx, line: line, process: process,
		session: session.New(line.Options, process.Getenv, "linkersync/"+process.Version),
		log:     slog.New(slog.NewTextHandler(process.Stderr, &slog.HandlerOptions{Level: level})),
	}
}

// colour tells whether standard output is a terminal that may be coloured.
// Source: https://no-color.org
func (inv *invocation) colour() bool {
	return !inv.line.NoColor && inv.process.Getenv("NO_COLOR") == "" && inv.process.Getenv("TERM") != "dumb" && isTerminal(inv.process.Stdout)
}

// progress tells whether a progress bar can be seen, and does not disturb a log.
func (inv *invocation) progress() bool {
	return isTerminal(inv.process.Stderr) && !inv.line.JSON && !inv.line.Verbose
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// print writes value as JSON when asked for, and otherwise calls text.
func (inv *invocation) print(value any, text func(io.Writer)) error {
	if !inv.line.JSON {
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
	if hint := hintFor(err); hint != "" {
		_, _ = fmt.Fprintf(inv.process.Stderr, "  %s\n", hint)
	}
	return exitFailed
}
