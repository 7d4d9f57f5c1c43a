// Command coldstart measures what a start of each function costs, beside an empty
// aws-lambda-go handler that was built the same way, in turn: from the spawn to the
// first request for work, the first and a warm invocation, memory, and sizes. It
// prints a table with ratios and fails over its limits. `make bench-coldstart` builds what it needs.
package main

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

const (
	starts = 40
	// warm invocations after the first one, of each start.
	warm = 20
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}

// sample is what one start showed.
type sample struct {
	toNext, first, warm time.Duration
	rss                 int64
}

// subject is one function under measurement.
type subject struct {
	function lambda.Function
	payload  []byte
	samples  []sample
}

func run(ctx context.Context, out io.Writer) error {
	world, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer world.close()
	subjects, err := world.subjects()
	if err != nil {
		return err
	}
	for i := range starts {
		for _, s := range subjects { // in turn, so that a noisy minute hits all alike
			measured, err := s.start(ctx)
			if err != nil {
				return fmt.Errorf("start %s: %w", s.function.Name, err)
			}
			s.samples = append(s.samples, measured)
		}
		if (i+1)%10 == 0 {
			_, _ = fmt.Fprintf(os.Stderr, "%d of %d starts\n", i+1, starts)
		}
	}
	if err := print(out, subjects); err != nil {
		return err
	}
	return hold(out, subjects)
}

// start spawns the function once, invokes it, and ends it.
func (s *subject) start(ctx context.Context) (sample, error) {
	runtime, err := lambda.Start(s.function)
	if err != nil {
		return sample{}, err
	}
	defer runtime.Stop()
	began := time.Now()
	if err := invoke(ctx, runtime, s.payload); err != nil {
		return sample{}, err
	}
	total := time.Since(began)
	if len(runtime.Stats().ColdStarts) == 0 {
		return sample{}, errors.New("the function ended before it asked for work: is its configuration complete?")
	}
	durations := make([]time.Duration, 0, warm)
	for range warm {
		began := time.Now()
		if err := invoke(ctx, runtime, s.payload); err != nil {
			return sample{}, err
		}
		durations = append(durations, time.Since(began))
	}
	stats := runtime.Stats()
	toNext := stats.ColdStarts[0].ToNext
	return sample{toNext: toNext, first: total - toNext, warm: median(durations), rss: stats.ColdStarts[0].RSS}, nil
}

// invoke takes the function's own errors for answers: an event that is refused
// without a call costs what we want to know.
func invoke(ctx context.Context, runtime *lambda.Runtime, payload []byte) error {
	_, err := runtime.Invoke(ctx, payload)
	if _, answered := errors.AsType[*lambda.FunctionError](err); answered {
		return nil
	}
	return err
}

func median[T int64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func of[T int64 | time.Duration](samples []sample, field func(sample) T) T {
	values := make([]T, 0, len(samples))
	for _, s := range samples {
		values = append(values, field(s))
	}
	return median(values)
}

func print(out io.Writer, subjects []*subject) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "function\tspawn to next\tratio\tfirst invoke\twarm invoke\tratio\tRSS idle\tbinary\tzip\t")
	empty := subjects[0].samples
	toNext := func(s sample) time.Duration { return s.toNext }
	warmed := func(s sample) time.Duration { return s.warm }
	for _, s := range subjects {
		binary, zipped, err := sizes(s.function.Binary)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(table, "%s\t%.1f ms\t%.2f\t%.2f ms\t%.3f ms\t%.2f\t%.1f MiB\t%.2f MB\t%.2f MB\t\n", s.function.Name,
			milliseconds(of(s.samples, toNext)), float64(of(s.samples, toNext))/float64(of(empty, toNext)),
			milliseconds(of(s.samples, func(s sample) time.Duration { return s.first })),
			milliseconds(of(s.samples, warmed)), float64(of(s.samples, warmed))/float64(of(empty, warmed)),
			float64(of(s.samples, func(s sample) int64 { return s.rss }))/(1<<20), float64(binary)/1e6, float64(zipped)/1e6)
	}
	_, _ = fmt.Fprintf(table, "medians of %d starts in turn, %d warm invocations each; binaries of this machine's architecture\n", starts, warm)
	return table.Flush()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// sizes of a binary, and of a zip with it, at the best compression.
func sizes(path string) (binary, zipped int64, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	var count counter
	writer := zip.NewWriter(&count)
	writer.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	entry, err := writer.Create(filepath.Base(path))
	if err == nil {
		_, err = entry.Write(content)
	}
	return int64(len(content)), int64(count), errors.Join(err, writer.Close())
}

// counter counts what is written to it.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
