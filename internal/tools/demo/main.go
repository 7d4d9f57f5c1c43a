// Command demo shows linkersync's whole job on this machine, without an account:
// it starts the simulators and the real functions, installs the app as Bitbucket
// does, applies examples/linkersync.yaml with the real command, applies it again
// to show that nothing changes, and uninstalls the app. `make run` builds what it
// needs and runs it.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"time"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
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
	if err := run(ctx, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}

// run is the story, in order.
func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 2*stepTimeout)
	defer cancel()
	logs := &buffer{}
	s, err := stack.Start(ctx, stack.Options{Binaries: "bin/functions", Descriptor: descriptor, AppKey: appKey, Output: logs})
	if err != nil {
		return err
	}
	defer s.Stop()
	d := &demo{stack: s, out: out}
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"A workspace installs the app: Bitbucket sends a signed callback to the lifecycle function", d.install},
		{"linkersync apply: the workspace and Infisical get what " + manifest + " says", d.apply},
		{"linkersync apply, again: nothing changes, and only reads are made", d.applyAgain},
		{"The workspace uninstalls the app", d.uninstall},
	} {
		_, _ = fmt.Fprintf(out, "\n== %s\n", step.title)
		if err := step.do(ctx); err != nil {
			_, _ = fmt.Fprintf(out, "\nThe functions' logs:\n%s", logs)
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	_, _ = fmt.Fprintln(out, "\nDone; nothing is left running. Next: make serve keeps this stack up for your own experiments.")
	return nil
}

type demo struct {
	stack     *stack.Stack
	out       io.Writer
	clientKey string
}

func (d *demo) install(ctx context.Context) error {
	if err := d.stack.Seed(); err != nil {
		return err
	}
	delivery, err := d.stack.Bitbucket.Install(ctx, simbitbucket.Install{
		AppKey: appKey, BaseURL: d.stack.URL, Principal: stack.Workspace(workspace, name),
	})
	if err != nil {
		return err
	}
	d.clientKey = delivery.ClientKey
	_, _ = fmt.Fprintf(d.out, "POST /installed answered %d; the installation is in Secrets Manager:\n", delivery.Status)
	return d.command(ctx, "installations", "list")
}

// apply shows what changed as a table; the second apply shows the command's own words.
func (d *demo) apply(ctx context.Context) error {
	var documents bytes.Buffer
	if err := d.commandTo(ctx, &documents, "apply", "--file", manifest, "--installation", "all", "--json"); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(d.out, "What its JSON says, as a table:")
	return table(d.out, &documents)
}

func (d *demo) applyAgain(ctx context.Context) error {
	d.stack.Bitbucket.Faults().ResetCalls()
	d.stack.Infisical.Faults().ResetCalls()
	if err := d.command(ctx, "apply", "--file", manifest, "--installation", "all"); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(d.out, "The calls that were made:")
	writes := 0
	for _, server := range []struct {
		name  string
		calls []fault.Call
	}{{"Bitbucket", d.stack.Bitbucket.Faults().Calls()}, {"Infisical", d.stack.Infisical.Faults().Calls()}} {
		for _, call := range server.calls {
			_, _ = fmt.Fprintf(d.out, "  %-10s %s\n", server.name, call)
			if call.Method != http.MethodGet && !strings.Contains(call.Path, "/auth/") {
				writes++
			}
		}
	}
	if writes > 0 {
		return fmt.Errorf("the second apply wrote %d times", writes)
	}
	return nil
}

func (d *demo) uninstall(ctx context.Context) error {
	delivery, err := d.stack.Bitbucket.Uninstall(ctx, d.clientKey)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(d.out, "POST /uninstalled answered %d; the secret stays as a tombstone, because the next install is signed with it:\n", delivery.Status)
	return d.command(ctx, "installations", "list")
}

// command runs the real binary against the stack, and shows what it prints.
func (d *demo) command(ctx context.Context, args ...string) error {
	return d.commandTo(ctx, d.out, args...)
}

// commandTo is command with another place for its standard output.
func (d *demo) commandTo(ctx context.Context, out io.Writer, args ...string) error {
	_, _ = fmt.Fprintf(d.out, "$ linkersync %s\n", strings.Join(args, " "))
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, binary, args...)
	command.Stdout, command.Stderr = out, d.out
	// Only what the stack says: nothing of this machine's AWS profile can leak in.
	command.Env = []string{"HOME=" + os.TempDir(), "PATH=" + os.Getenv("PATH")}
	variables := d.stack.CommandEnvironment()
	for _, key := range sortedKeys(variables) {
		command.Env = append(command.Env, key+"="+variables[key])
	}
	return command.Run()
}

func sortedKeys(variables map[string]string) []string {
	keys := make([]string, 0, len(variables))
	for key := range variables {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
