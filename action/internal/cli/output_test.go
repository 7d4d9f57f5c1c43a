package cli_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/action/internal/cli"
)

// onceFull is a disk that was full for the first write only.
type onceFull struct{ writes int }

func (o *onceFull) Write(data []byte) (int, error) {
	if o.writes++; o.writes == 1 {
		return 0, errors.New("no space left on device")
	}
	return len(data), nil
}

// TestOneLostLineIsAFailure, though every later one could be written.
func TestOneLostLineIsAFailure(t *testing.T) {
	t.Parallel()
	var out onceFull
	var said strings.Builder
	code := cli.Run(context.Background(), []string{"help"}, cli.Process{Getenv: func(string) string { return "" }, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &said})
	if code != 1 || out.writes < 2 || !strings.Contains(said.String(), "not all of the output could be written: no space left on device") {
		t.Errorf("exit code %d after %d writes: %s", code, out.writes, said.String())
	}
}
