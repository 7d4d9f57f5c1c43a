package stack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	"github.com/linkersync/linkersync/internal/simulator/aws/sqs"
	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	appKey     = "example-linker-app"
	descriptor = "../../../examples/atlassian-connect.json"
	// patience bounds a wait; on a quiet machine a test needs a fraction of it.
	patience = 90 * time.Second
)

// build makes the binaries that are deployed, with the Makefile's tags.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, function := range []string{"lifecycle", "dispatch", "linkers", "connections"} {
		command := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w",
			"-o", filepath.Join(dir, function, "bootstrap"), "../../../functions/"+function)
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", function, err, out)
		}
	}
	return dir
}

// log collects the functions' output.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	return text[max(0, len(text)-8000):]
}

// start runs a stack whose waits take a hundredth of their time.
func start(t *testing.T, binaries string) (*stack.Stack, *log) {
	t.Helper()
	logs := &log{}
	s, err := stack.Start(t.Context(), stack.Options{
		Binaries: binaries, Descriptor: descriptor, AppKey: appKey, Output: logs, Workers: 2,
		Speed: 100, Visibility: time.Hour, // which is 36 seconds: no batch is delivered again while it is worked on
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if err := s.Seed(); err != nil {
		t.Fatal(err)
	}
	return s, logs
}

// eventually waits for a condition.
func eventually(t *testing.T, logs *log, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not in %v; the end of the functions' log:\n%s", what, patience, logs.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// manifestOf desires values for two linkers: what isn't listed is deleted from
// "issues" and stays in "builds".
func manifestOf(values ...string) string {
	list := strings.Join(values, ", ")
	return fmt.Sprintf("version: 1\nlinkers:\n  - {key: issues, prune: true, values: [%s]}\n  - {key: builds, values: [%s]}\n", list, list)
}

func values(s *stack.Stack, n int) map[string][]string {
	in, _ := s.Bitbucket.Installation(stack.ClientKey(appKey, stack.Number(n)))
	sorted := map[string][]string{}
	for linker, list := range in.Values {
		sorted[linker] = slices.Sorted(slices.Values(list))
	}
	return sorted
}

// finished collects the Run Finished events by run.
func finished(t *testing.T, s *stack.Stack) func(run string) (rollout.Finished, bool) {
	t.Helper()
	var mu sync.Mutex
	all := map[string]rollout.Finished{}
	_, err := s.AWS.Events.On(stack.Bus, `{"detail-type":["Run Finished"]}`, func(_ context.Context, event eventbridge.Event) {
		var detail rollout.Finished
		if json.Unmarshal(event.Detail, &detail) == nil {
			mu.Lock()
			defer mu.Unlock()
			all[detail.Run] = detail
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(run string) (rollout.Finished, bool) {
		mu.Lock()
		defer mu.Unlock()
		detail, ok := all[run]
		return detail, ok
	}
}

func change(t *testing.T, s *stack.Stack, change rollout.Change) string {
	t.Helper()
	run, err := s.Change(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func noDeadLetters(t *testing.T, s *stack.Stack) {
	t.Helper()
	for _, letter := range s.AWS.Queues.Messages(stack.DeadLetters) {
		t.Errorf("dead letter %s: %v", letter.Body, letter.Attributes)
	}
	for _, letter := range s.DeadEvents() {
		t.Errorf("dead event %s: %v", letter.Payload, letter.Err)
	}
}

// TestEventFlow is the real binaries on their way from an event to Bitbucket.
func TestEventFlow(t *testing.T) {
	t.Parallel()
	binaries := build(t)
	for name, test := range map[string]func(t *testing.T, binaries string){
		"from event to finished run":              testCalm,
		"newest manifest wins while calls fail":   testStorm,
		"a large prune waits for a yes":           testPrune,
		"the largest manifest fits the functions": testLargest,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, binaries)
		})
	}
}

func testCalm(t *testing.T, binaries string) {
	s, logs := start(t, binaries)
	ended := finished(t, s)
	if err := s.Populate(t.Context(), 12, map[string][]string{"issues": {"ONE", "OLD"}, "builds": {"MANUAL"}}); err != nil {
		t.Fatal(err)
	}
	run := change(t, s, rollout.Change{Manifest: manifestOf("ONE", "TWO")})
	own := change(t, s, rollout.Change{Installations: []string{stack.Number(3)}, Manifest: manifestOf("OWN")})
	var result rollout.Finished
	for _, id := range []string{run, own} {
		eventually(t, logs, "run "+id, func() (ok bool) { result, ok = ended(id); return ok })
		if result.Failed != 0 || result.Changed+result.Unchanged+result.Skipped != result.Total {
			t.Errorf("run finished as %+v", result)
		}
	}
	for n := range 12 {
		want := map[string][]string{"issues": {"ONE", "TWO"}, "builds": {"MANUAL", "ONE", "TWO"}}
		if n == 3 {
			want["issues"] = []string{"OWN"}
			delete(want, "builds") // what the default added meanwhile, or not, stays
		}
		got := values(s, n)
		if n == 3 {
			delete(got, "builds")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("workspace %d (-want +got):\n%s", n, diff)
		}
	}
	// Drift repair of an unchanged fleet costs one call for each linker.
	if err := s.Dispatch.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, logs, "empty queue", func() bool { return len(s.AWS.Queues.Messages(stack.Queue)) == 0 })
	s.Bitbucket.Faults().ResetCalls()
	if err := s.Tick(s.Dispatch); err != nil {
		t.Fatal(err)
	}
	if err := s.Dispatch.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, logs, "drift repair", func() bool { return len(s.AWS.Queues.Messages(stack.Queue)) == 0 })
	if got := s.Bitbucket.Faults().Total(); got != 24 {
		t.Errorf("an unchanged fleet of 12 with 2 linkers cost %d calls, want 24", got)
	}
	noDeadLetters(t, s)
}

// testStorm has three calls of ten fail, messages come twice and in any order, and
// two manifests within a moment.
func testStorm(t *testing.T, binaries string) {
	s, logs := start(t, binaries)
	ended := finished(t, s)
	const fleet = 20
	if err := s.Populate(t.Context(), fleet, map[string][]string{"issues": {"KEEP", "OLD"}, "builds": {"MANUAL"}}); err != nil {
		t.Fatal(err)
	}
	s.AWS.Queues.Misbehave(stack.Queue, sqs.Misbehaviour{Duplicate: 0.3, Reorder: true, Seed: 1})
	outage := s.Outage(0.3)
	var last string
	for _, values := range [][]string{{"KEEP", "FIRST"}, {"KEEP", "SECOND", "MORE"}, {"KEEP", "THIRD"}} {
		last = change(t, s, rollout.Change{Manifest: manifestOf(values...)})
		// Events have no order, and these shall have one. The bus hands them over on its own: dispatch knows of none before.
		s.AWS.Events.Wait()
		if err := s.Dispatch.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var result rollout.Finished
	eventually(t, logs, "the last run", func() (ok bool) { result, ok = ended(last); return ok })
	eventually(t, logs, "empty queue", func() bool { return len(s.AWS.Queues.Messages(stack.Queue)) == 0 })
	if result.Total != fleet || result.Failed != 0 {
		t.Errorf("run finished as %+v", result)
	}
	for n := range fleet {
		got := values(s, n)
		if diff := cmp.Diff([]string{"KEEP", "THIRD"}, got["issues"]); diff != "" {
			t.Errorf("workspace %d (-want +got):\n%s", n, diff)
		}
		for _, stays := range []string{"MANUAL", "KEEP", "THIRD"} {
			if !slices.Contains(got["builds"], stays) {
				t.Errorf("workspace %d lost %s: %v", n, stays, got["builds"])
			}
		}
	}
	if outage.Fired() < fleet {
		t.Errorf("only %d calls failed", outage.Fired())
	}
	noDeadLetters(t, s)
}
