package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linkersync/linkersync/action/internal/cli"
)

// onFirstWrite is a person who interrupts as soon as there is something to see.
type onFirstWrite struct {
	bytes.Buffer
	do context.CancelFunc
}

func (w *onFirstWrite) Write(data []byte) (int, error) {
	w.do()
	return w.Buffer.Write(data)
}

// An interruption ends the list instead of reporting every further workspace as
// failed, says what to do, and the same command goes on. The AWS SDK reads the
// process's own variables.
func TestInterruptedInTheMiddleAndGoesOn(t *testing.T) { //nolint:paralleltest // see above
	w, err := newScriptWorld()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	for _, variable := range w.environment() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	run := func(ctx context.Context, out *onFirstWrite, args ...string) (int, string) {
		var errs bytes.Buffer
		code := cli.Run(ctx, args, cli.Process{Getenv: os.Getenv, Stdin: strings.NewReader(""), Stdout: out, Stderr: &errs})
		return code, errs.String()
	}
	row := `{"client_key":"` + clientKey("delta") + `","shared_secret":"` + sharedSecret("delta") + `"}`
	rows := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(rows, []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	unmoved := func() {}
	if code, errs := run(t.Context(), &onFirstWrite{do: unmoved}, "installations", "import", rows); code != 0 {
		t.Fatal(errs)
	}
	update := []string{"addon", "update", "--installation", "all", "--parallel", "1", "--journal", filepath.Join(t.TempDir(), "done.txt")}

	ctx, interrupt := context.WithCancel(t.Context())
	out := &onFirstWrite{do: interrupt}
	code, errs := run(ctx, out, update...)
	if code != 130 || !strings.Contains(out.String(), "1 updated, 0 done before") {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	if strings.Contains(errs, "delta") || !strings.Contains(errs, "It was interrupted. What was done is kept; run the same command again") {
		t.Errorf("standard error:\n%s", errs)
	}

	out = &onFirstWrite{do: unmoved}
	if code, errs = run(t.Context(), out, update...); code != 0 || !strings.Contains(out.String(), "2 updated, 1 done before, 0 failed") {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs)
	}
}

// Nobody writes to standard input, and the first signal ends the wait.
func TestInterruptedWaitForInput(t *testing.T) { //nolint:paralleltest // the AWS SDK reads the process's own variables
	w, err := newScriptWorld()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	for _, variable := range w.environment() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	silent, writer := io.Pipe()
	t.Cleanup(func() { _ = writer.Close() })
	ctx, interrupt := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, interrupt)
	var out, errs bytes.Buffer
	code := cli.Run(ctx, []string{"installations", "import", "-"}, cli.Process{Getenv: os.Getenv, Stdin: silent, Stdout: &out, Stderr: &errs})
	if code != 130 || !strings.Contains(out.String(), "0 stored") || !strings.Contains(errs.String(), "It was interrupted.") {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
}

// TestTheFirstSignalEndsEveryWaitForInput: nobody writes to standard input here, and a
// pipe as a file is refused before it is read.
func TestTheFirstSignalEndsEveryWaitForInput(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		code int
	}{
		{[]string{"plan", "-f", "-"}, 130},
		{[]string{"connections", "ensure", "-f", "-"}, 130},
		{[]string{"plan", "-f", pipe}, 2},
		{[]string{"doctor", "--installation", "connection:1", "-f", pipe}, 2},
		{[]string{"connections", "list", "--infisical-client-id", "c", "--infisical-ca-file", pipe}, 1},
	} {
		ctx, signal := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, signal)
		silent, writer := io.Pipe()
		variables := map[string]string{"LINKERSYNC_INFISICAL_CLIENT_SECRET": "client-secret"}
		var errs bytes.Buffer
		if test.code != 130 {
			ctx = t.Context()
		}
		code := cli.Run(ctx, test.args, cli.Process{Getenv: func(name string) string { return variables[name] }, Stdin: silent, Stdout: &bytes.Buffer{}, Stderr: &errs})
		if code != test.code {
			t.Errorf("%q: exit code %d, want %d\n%s", test.args, code, test.code, &errs)
		}
		_ = writer.Close()
	}
}

// A runner that cancels a job leaves it a few seconds: enough for the outputs.
func TestStoppedStepSaysSo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	manifest, outputs := filepath.Join(folder, "linkersync.yaml"), filepath.Join(folder, "outputs")
	if err := os.WriteFile(manifest, []byte("version: 1\napp: a\nlinkers:\n  - {key: issues, values: [PROJ]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{
		"LINKERSYNC_COMMAND": "apply", "LINKERSYNC_INSTALLATION": "connection:1", "LINKERSYNC_SHARED_SECRET": "secret-" + mark,
		"LINKERSYNC_FILE": manifest, "LINKERSYNC_OUTPUTS_FILE": outputs, "LINKERSYNC_BITBUCKET_URL": "http://127.0.0.1:9",
	}
	ctx, stop := context.WithCancel(t.Context())
	out := &onFirstWrite{do: stop}
	code := cli.Run(ctx, []string{"action"}, cli.Process{Getenv: func(name string) string { return variables[name] }, Stdout: out, Stderr: &bytes.Buffer{}})
	if code != 130 || !strings.Contains(out.String(), "error: linkersync: the step was stopped: context canceled; what was done is kept, run it again to finish") {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	written, err := os.ReadFile(outputs)
	if err != nil || !strings.Contains(string(written), "LINKERSYNC_STATUS=failed\n") {
		t.Errorf("outputs %q, %v", written, err)
	}
}

// A pipeline's next step reads the outputs, whatever was wrong with how this one was called.
func TestAWronglyCalledStepHasOutputs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"a flag that isn't there": {[]string{"action", "--nope"}, "unknown flag: --nope"},
		"a flag's wrong value":    {[]string{"action", "--requests-per-second", "0"}, "it is a number above 0"},
		"an argument":             {[]string{"action", "plan"}, `action takes only flags, and got ["plan"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			variables := map[string]string{"LINKERSYNC_OUTPUTS_FILE": filepath.Join(folder, "outputs"), "LINKERSYNC_SUMMARY_FILE": filepath.Join(folder, "summary")}
			var out bytes.Buffer
			code := cli.Run(t.Context(), test.args, cli.Process{Getenv: func(name string) string { return variables[name] }, Stdout: &out, Stderr: &bytes.Buffer{}})
			if code != 1 || !strings.Contains(out.String(), test.want) {
				t.Errorf("exit code %d\n%s", code, out.String())
			}
			for file, want := range map[string]string{"outputs": "LINKERSYNC_STATUS=failed\n", "summary": "## linkersync: not started\n"} {
				if written, err := os.ReadFile(filepath.Join(folder, file)); err != nil || !strings.Contains(string(written), want) {
					t.Errorf("%s: %q, %v", file, written, err)
				}
			}
		})
	}
}
