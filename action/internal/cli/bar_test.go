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
		var bar progress
		bar.begin(&screen, "workspaces", 4)
		for range 3 {
			time.Sleep(time.Second)
			bar.call()
			bar.add()
		}
		if got := screen.String(); !strings.Contains(got, "workspaces, 3 calls") || !strings.Contains(got, "2/4") {
			t.Errorf("the screen shows %q", got)
		}
		screen.Reset()
		if _, err := (over{&screen, &bar}).Write([]byte("a line\n")); err != nil || !strings.HasSuffix(screen.String(), "\ra line\n") {
			t.Errorf("the bar isn't taken away before a line: %q, %v", screen.String(), err)
		}
		bar.end()
	})
}
