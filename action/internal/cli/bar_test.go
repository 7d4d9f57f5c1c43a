package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBarHasNoThreadOfItsOwn: what draws by itself would draw over a line that is
// being printed. A goroutine that is left behind ends the bubble with a failure.
func TestBarHasNoThreadOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var screen bytes.Buffer
		inv := &invocation{process: Process{Stderr: &screen}, errTerminal: true}
		bar := inv.bar("installations")
		for range 3 {
			time.Sleep(time.Second)
			if err := bar.Add(1); err != nil {
				t.Fatal(err)
			}
		}
		if got := screen.String(); !strings.Contains(got, "installations") || !strings.Contains(got, "3/-") {
			t.Errorf("the screen shows %q", got)
		}
	})
}
