package metrics_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/metrics"
)

func now() time.Time { return time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC) }

func TestCount(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	writer := &metrics.Writer{App: "example-linker-app", Out: &out, Now: now}
	err := writer.Count(map[metrics.Name]int{
		metrics.ValuesRemoved: 2, metrics.InstallationsChanged: 1, metrics.InstallationsFailed: 0, metrics.MessagesDeferred: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"InstallationsChanged":1,"MessagesDeferred":3,"ValuesRemoved":2,` +
		`"_aws":{"CloudWatchMetrics":[{"Namespace":"linkersync","Dimensions":[["app"]],` +
		`"Metrics":[{"Name":"InstallationsChanged","Unit":"Count"},{"Name":"MessagesDeferred","Unit":"Count"},{"Name":"ValuesRemoved","Unit":"Count"}]}],` +
		`"Timestamp":1772357400000},"app":"example-linker-app"}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

// TestCountNothing: CloudWatch has no use for lines without metrics.
func TestCountNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	writer := &metrics.Writer{App: "example-linker-app", Out: &out}
	for _, counts := range []map[metrics.Name]int{nil, {}, {metrics.ValuesAdded: 0}} {
		if err := writer.Count(counts); err != nil || out.Len() > 0 {
			t.Errorf("Count(%v) = %v, wrote %q", counts, err, &out)
		}
	}
}

// slow is a writer that needs more than one go, as a pipe does.
type slow struct{ bytes.Buffer }

func (s *slow) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := s.Buffer.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// TestConcurrentCounts: workers of one batch count at the same time, and their
// lines stay whole.
func TestConcurrentCounts(t *testing.T) {
	t.Parallel()
	var out slow
	writer := &metrics.Writer{App: "example-linker-app", Out: &out}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := writer.Count(map[metrics.Name]int{metrics.ValuesAdded: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	lines := 0
	for line := range strings.Lines(out.String()) {
		lines++
		if !json.Valid([]byte(line)) {
			t.Errorf("torn line %q", line)
		}
	}
	if lines != 20 {
		t.Errorf("%d lines, want 20", lines)
	}
}

type broken struct{}

var errBroken = errors.New("pipe is gone")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestCountReportsTheWriter(t *testing.T) {
	t.Parallel()
	writer := &metrics.Writer{App: "example-linker-app", Out: broken{}}
	if err := writer.Count(map[metrics.Name]int{metrics.ValuesAdded: 1}); !errors.Is(err, errBroken) {
		t.Errorf("Count = %v", err)
	}
}
