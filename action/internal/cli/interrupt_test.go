package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	if code != 1 || !strings.Contains(out.String(), "1 updated, 0 were done before") {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	if strings.Contains(errs, "delta") || !strings.Contains(errs, "It was interrupted. What was done is kept; run the same command again") {
		t.Errorf("standard error:\n%s", errs)
	}

	out = &onFirstWrite{do: unmoved}
	if code, errs = run(t.Context(), out, update...); code != 0 || !strings.Contains(out.String(), "2 updated, 1 were done before, 0 failed") {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs)
	}
}
