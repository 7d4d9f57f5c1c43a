package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

func TestStopLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	runtime := start(t, func(f *lambda.Function) { f.Concurrency = 3 })
	idle := invoke[state](t, runtime, `{"do":"state"}`).PID
	dir := t.TempDir()
	failed := make(chan error, 2)
	for i := range 2 {
		begun := filepath.Join(dir, fmt.Sprint(i))
		go func() {
			_, err := runtime.Invoke(context.Background(), fmt.Appendf(nil, `{"do":"meet","touch":%q,"until":"/nowhere/at/all"}`, begun))
			failed <- err
		}()
		waitFor(t, func() bool { _, err := os.Stat(begun); return err == nil })
	}
	starts := runtime.Stats().ColdStarts
	runtime.Stop()
	for range 2 {
		if err := <-failed; !errors.Is(err, lambda.ErrStopped) {
			t.Errorf("the invocation under way ended with %v, want ErrStopped", err)
		}
	}
	if len(starts) != 2 || starts[0].PID != idle {
		t.Errorf("cold starts %+v, want two and %d first", starts, idle)
	}
	for _, started := range starts {
		if running(started.PID) {
			t.Errorf("process %d is left", started.PID)
		}
	}
	runtime.Stop()
	if _, err := runtime.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, lambda.ErrStopped) {
		t.Errorf("invoke after stop: %v, want ErrStopped", err)
	}
}

// TestStopAtAnyMoment races Stop with the start of processes.
func TestStopAtAnyMoment(t *testing.T) {
	t.Parallel()
	for range 20 {
		runtime := start(t, nil)
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				if _, err := runtime.Invoke(context.Background(), []byte(`{"do":"state"}`)); err != nil && !errors.Is(err, lambda.ErrStopped) {
					t.Errorf("error = %v, want ErrStopped or none", err)
				}
			})
		}
		runtime.Stop()
		for _, started := range runtime.Stats().ColdStarts {
			if running(started.PID) {
				t.Errorf("process %d is left", started.PID)
			}
		}
		calls.Wait()
	}
}

func TestProcessThatDiesWhileIdleIsReplaced(t *testing.T) {
	t.Parallel()
	runtime := start(t, func(f *lambda.Function) { f.Concurrency = 1 })
	before := invoke[state](t, runtime, `{"do":"state"}`).PID
	process, err := os.FindProcess(before)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return !running(before) })
	if after := invoke[state](t, runtime, `{"do":"state"}`); after.PID == before || after.Count != 1 {
		t.Errorf("process %d, call %d: want a new process", after.PID, after.Count)
	}
}
