package lambda_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

func TestColdStartsAreMeasured(t *testing.T) {
	t.Parallel()
	function := start(t, nil)
	pid := invoke[state](t, function, `{"do":"state"}`).PID
	stats := function.Stats()
	if len(stats.ColdStarts) != 1 {
		t.Fatalf("%d cold starts, want 1", len(stats.ColdStarts))
	}
	got := stats.ColdStarts[0]
	if got.PID != pid || got.ToNext <= 0 {
		t.Errorf("cold start %+v, want process %d and a duration", got, pid)
	}
	if runtime.GOOS != "linux" {
		return
	}
	// A Go process is between one and a hundred mebibytes.
	for name, size := range map[string]int64{"RSS": got.RSS, "PeakRSS": stats.PeakRSS} {
		if size < 1<<20 || size > 100<<20 {
			t.Errorf("%s = %d bytes", name, size)
		}
	}
}

func TestOutputIsKeptAndPassedOn(t *testing.T) {
	t.Parallel()
	var tee lockedBuffer
	function := start(t, func(f *lambda.Function) { f.Output = &tee })
	fails(t, function, `{"do":"exit"}`)
	const want = "handler: leaving\n"
	if got := function.Output(); got != want {
		t.Errorf("Output() = %q, want %q", got, want)
	}
	if got := tee.String(); got != want {
		t.Errorf("the writer got %q, want %q", got, want)
	}
}

func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	const kept, size = 256 << 10, 300 << 10
	function := start(t, func(f *lambda.Function) { f.Output = brokenWriter{} })
	for range 3 {
		invoke[any](t, function, fmt.Sprintf(`{"do":"print","size":%d}`, size))
	}
	fails(t, function, `{"do":"exit"}`)
	got := function.Output()
	if len(got) != kept || !strings.HasSuffix(got, "p\nhandler: leaving\n") {
		t.Errorf("kept %d bytes that end in %q", len(got), got[max(0, len(got)-30):])
	}
}

// brokenWriter is a log that is full.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left on device") }

type lockedBuffer struct {
	mu      sync.Mutex
	content bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}
