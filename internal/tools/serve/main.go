// Command serve keeps the stack of `make run` up for experiments: it prints, and
// writes to .local/env, the variables with which bin/linkersync, curl and any AWS
// SDK reach it from another terminal. Beside another serve it writes .local/env-PID.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/stack"
)

const (
	folder    = ".local"
	workspace = "{11111111-2222-4333-8444-555555555555}"
)

func main() { os.Exit(realMain()) }

// realMain returns the exit code, so that deferred calls run before the process ends.
func realMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "serve:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, out, logs io.Writer) error {
	const appKey = "example-linker-app"
	s, err := stack.Start(ctx, stack.Options{Binaries: "bin/functions", Descriptor: "examples/atlassian-connect.json", AppKey: appKey, Output: logs})
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := s.Seed(); err != nil {
		return err
	}
	delivery, err := s.Bitbucket.Install(ctx, simbitbucket.Install{
		AppKey: appKey, BaseURL: s.URL, Principal: stack.Workspace(workspace, "example-workspace"),
	})
	if err != nil {
		return err
	}
	envFile, release, err := claim()
	if err != nil {
		return err
	}
	defer release()
	if err := writeEnvironment(envFile, s.CommandEnvironment()); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, `
The stack is up. The app is installed in the workspace example-workspace (%s).

In another terminal:
  set -a; . %s; set +a
  bin/linkersync plan -f examples/linkersync.yaml --installation all
  bin/linkersync apply -f examples/linkersync.yaml --installation '%s'
  curl -s "$LINKERSYNC_BASE_URL/atlassian-connect.json"
  aws secretsmanager list-secrets

The functions' logs follow. Ctrl-C ends everything.
`, delivery.ClientKey, envFile, workspace)
	<-ctx.Done()
	_, _ = fmt.Fprintln(out, "\nstopped; nothing is left running")
	return nil
}

// claim returns a file that no other serve writes: .local/env, or one with our process
// id while another serve has that. release removes it, as its addresses are gone with the
// stack. A lock, unlike a file, ends with its process.
func claim() (envFile string, release func(), err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", nil, fmt.Errorf("make %s: %w", folder, err)
	}
	lock, err := os.OpenFile(filepath.Join(folder, "serve.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("lock %s: %w", folder, err)
	}
	envFile = filepath.Join(folder, "env")
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		envFile = fmt.Sprintf("%s-%d", envFile, os.Getpid())
	}
	return envFile, func() { _, _ = os.Remove(envFile), lock.Close() }, nil
}

// writeEnvironment replaces the file as a whole: a full disk leaves the old one,
// or none, and never half of it.
func writeEnvironment(envFile string, variables map[string]string) error {
	var lines []string
	for key, value := range variables {
		lines = append(lines, fmt.Sprintf("%s='%s'\n", key, value))
	}
	slices.Sort(lines)
	partial := envFile + ".partial"
	err := os.WriteFile(partial, []byte(strings.Join(lines, "")), 0o600)
	if err == nil {
		err = os.Rename(partial, envFile)
	}
	if err != nil {
		_ = os.Remove(partial) // what is left of it is of no use
		return fmt.Errorf("write %s: %w; make room or check the folder's permissions, then run make serve again", envFile, err)
	}
	return nil
}
