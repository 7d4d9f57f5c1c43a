// Command demo shows linkersync's whole job on this machine, without an account. It
// starts the simulators and the real functions, and runs the real command against them:
// a token is rotated and a sync goes on, a commit message becomes a link, a drift is
// repaired, a second run changes nothing, and Bitbucket removes the linker endpoints.
// `make run` builds what it needs and runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/term"

	"github.com/linkersync/linkersync/internal/simulator/stack"
)

const (
	appKey      = "example-linker-app"
	workspace   = "{11111111-2222-4333-8444-555555555555}"
	name        = "example-workspace"
	descriptor  = "examples/atlassian-connect.json"
	manifest    = "examples/linkersync.yaml"
	binary      = "bin/linkersync"
	stepTimeout = time.Minute
)

func main() { os.Exit(realMain()) }

// realMain returns the exit code, so that deferred calls run before the process ends.
func realMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	// Source: https://no-color.org
	colour := term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if err := run(ctx, os.Stdout, colour); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}

// run is the story, in order.
func run(ctx context.Context, out io.Writer, colour bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*stepTimeout)
	defer cancel()
	logs := &buffer{}
	s, err := stack.Start(ctx, stack.Options{Binaries: "bin/functions", Descriptor: descriptor, AppKey: appKey, Output: logs})
	if err != nil {
		return err
	}
	defer s.Stop()
	d := &demo{stack: s, out: out, colour: colour, token: stack.Token}
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"A token is rotated, and the secret sync goes on", d.rotation},
		{"A workspace installs the app, and a commit message gets links", d.links},
		{"Somebody changes values by hand: the daily schedule repairs the drift", d.drift},
		{"Another apply changes nothing", d.applyAgain},
		{"The day the linker endpoints go", d.removal},
	} {
		d.say("\n%s", d.paint(bold, "== "+step.title))
		if err := step.do(ctx); err != nil {
			d.say("\nThe functions' logs:\n%s", logs)
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	d.say("\nDone; nothing is left running. make serve keeps this stack up for experiments.")
	return nil
}

type demo struct {
	stack  *stack.Stack
	out    io.Writer
	colour bool
	// token is the Atlassian account's that works now.
	token     string
	clientKey string
}

func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.out, format+"\n", args...) }

// The colours of a terminal, as SGR parameters.
const (
	bold = "1"
	link = "4;36"
	good = "32"
	bad  = "31"
)

func (d *demo) paint(colour, text string) string {
	if !d.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// until waits for what the functions do by themselves.
func (d *demo) until(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	for {
		is, err := done()
		if is || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// command runs the real binary against the stack, and shows what it prints.
func (d *demo) command(ctx context.Context, args ...string) error {
	return d.commandEnds(ctx, 0, args...)
}

// commandEnds is command with the exit code that is wanted.
func (d *demo) commandEnds(ctx context.Context, code int, args ...string) error {
	d.say("%s", d.paint(bold, shell(args)))
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, binary, args...)
	command.Stdout, command.Stderr = d.out, d.out
	// Only what the stack says: nothing of this machine's AWS profile can leak in.
	command.Env = []string{"HOME=" + os.TempDir()}
	for _, kept := range []string{"PATH", "TERM", "NO_COLOR"} {
		command.Env = append(command.Env, kept+"="+os.Getenv(kept))
	}
	variables := d.stack.CommandEnvironment()
	variables["BITBUCKET_API_TOKEN"] = d.token
	for _, key := range sortedKeys(variables) {
		command.Env = append(command.Env, key+"="+variables[key])
	}
	err := command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == code {
		return nil
	}
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code 0, want %d", code)
	}
	return err
}

func sortedKeys(variables map[string]string) []string {
	keys := make([]string, 0, len(variables))
	for key := range variables {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// shell is a command line, broken as a shell takes it before it has 80 columns.
func shell(args []string) string {
	line, column := "$ linkersync", len("$ linkersync")
	for _, arg := range args {
		if column+len(arg) > 76 {
			line, column = line+" \\\n   ", 3
		}
		line, column = line+" "+arg, column+1+len(arg)
	}
	return line
}
