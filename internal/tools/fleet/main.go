// Command fleet measures one change on its way to a fleet of installations: what
// it costs Bitbucket, how long it takes against the ideal, and what dispatch needs.
// `make bench-fleet` builds the functions and runs it. docs/performance.md has the
// figures and what they were measured on.
//
// Simulators, functions and this program share the machine's cores, so the times
// are an upper bound.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// gcPercent spares the simulators, which hold the whole fleet, a tenth of their time.
	gcPercent = 400
	limit     = 10 * time.Minute
	manifest  = "version: 1\nlinkers:\n  - {key: issues, prune: true, values: [PROJ, OPS]}\n"
	changed   = "version: 1\nlinkers:\n  - {key: issues, prune: true, values: [PROJ, OPS, NEW]}\n"
)

func main() {
	b := bench{out: os.Stdout}
	flag.IntVar(&b.installations, "installations", 10_000, "how many installations")
	flag.DurationVar(&b.latency, "latency", 50*time.Millisecond, "how long Bitbucket takes over a call")
	flag.IntVar(&b.workers, "workers", 32, "how many linkers processes, each with one installation at a time")
	flag.Parse()
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := b.run(ctx)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

type bench struct {
	out                    io.Writer
	installations, workers int
	latency                time.Duration
	stack                  *stack.Stack
	table                  *rollout.Table
}

func (b *bench) printf(format string, values ...any) { _, _ = fmt.Fprintf(b.out, format, values...) }

func (b *bench) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var err error
	b.stack, err = stack.Start(ctx, stack.Options{
		Binaries: "bin/functions", Descriptor: "examples/atlassian-connect.json", AppKey: "example-linker-app",
		Workers: b.workers, Paused: true, Environment: map[string]string{"LINKERSYNC_LOG_LEVEL": "warn"},
	})
	if err != nil {
		return err
	}
	defer b.stack.Stop()
	if err := b.stack.Seed(); err != nil {
		return err
	}
	if err := b.stack.Populate(ctx, b.installations, map[string][]string{"issues": {"PROJ", "OPS"}}); err != nil {
		return err
	}
	if b.table, err = b.stack.Progress(); err != nil {
		return err
	}
	b.printf("%d installations, one linker, %v a Bitbucket call, %d in flight, %d cores for functions and simulators together\n",
		b.installations, b.latency, b.workers, runtime.NumCPU())
	b.stack.Bitbucket.Faults().Add(fault.Any(), fault.Always(), fault.Delay(b.latency))
	if err := b.dispatch(ctx); err != nil {
		return err
	}
	b.printf("\n%-10s %10s %10s %8s %8s %8s %22s\n", "run", "calls", "per inst.", "took", "ideal", "ratio", "CPU: simulators, functions")
	if err := b.measure(ctx, "unchanged", manifest, 1); err != nil {
		return err
	}
	// A change reads, writes and reads again to verify.
	return b.measure(ctx, "changed", changed, 3)
}

// dispatch measures the enumeration alone: no worker takes messages meanwhile.
func (b *bench) dispatch(ctx context.Context) error {
	start := time.Now()
	run, err := b.change(ctx, manifest)
	if err != nil {
		return err
	}
	took := time.Since(start)
	stats := b.stack.Functions["dispatch"].Stats()
	b.printf("dispatch: %d messages in %.1f s, peak resident %d MiB (goals: 20 s, 64 MiB)\n",
		len(b.stack.AWS.Queues.Messages(stack.Queue)), took.Seconds(), stats.PeakRSS>>20)
	b.stack.Resume()
	return b.wait(ctx, run)
}

// change announces a manifest and returns when its run is dispatched.
func (b *bench) change(ctx context.Context, manifest string) (run string, err error) {
	if run, err = b.stack.Change(ctx, rollout.Change{Manifest: manifest}); err != nil {
		return "", err
	}
	for {
		found, err := b.table.Run(ctx, run)
		if err == nil && found.Phase != rollout.Dispatching {
			return run, nil
		}
		if err := pause(ctx); err != nil {
			return "", fmt.Errorf("wait for dispatch: %w", err)
		}
	}
}

// measure times a run from its event to its last outcome.
func (b *bench) measure(ctx context.Context, name, manifest string, callsEach int) error {
	b.stack.Bitbucket.Faults().ResetCalls()
	start, before := time.Now(), used(b.stack.Functions)
	run, err := b.stack.Change(ctx, rollout.Change{Manifest: manifest})
	if err != nil {
		return err
	}
	if err := b.wait(ctx, run); err != nil {
		return err
	}
	took, spent := time.Since(start), used(b.stack.Functions).since(before)
	calls := b.stack.Bitbucket.Faults().Total()
	ideal := time.Duration(b.installations*callsEach) * b.latency / time.Duration(b.workers)
	b.printf("%-10s %10d %10.2f %7.1fs %7.1fs %8.2f %15.1fs %9.1fs\n", name, calls, float64(calls)/float64(b.installations),
		took.Seconds(), ideal.Seconds(), took.Seconds()/ideal.Seconds(), spent.simulators.Seconds(), spent.functions.Seconds())
	return nil
}

func (b *bench) wait(ctx context.Context, id string) error {
	for {
		run, err := b.table.Run(ctx, id)
		if err == nil && run.Phase == rollout.Done {
			if run.Failed+run.Skipped > 0 || run.Total != b.installations {
				return fmt.Errorf("run %s ended with %+v", id, run)
			}
			return nil
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait for run %s at %+v: %w", id, run, err)
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
