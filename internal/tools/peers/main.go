// Command peers sends the same signed installed, reinstall and uninstall callbacks
// to a minimal app on atlassian-connect-express and to ours, each behind plain HTTP,
// with its settings in memory, on one CPU, in turn, and prints both beside each
// other. The number of requests is bounded, and everything stays on loopback.
// `make bench-peers` builds and installs what it needs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

const (
	rounds = 3
	// installations of one round; each is three callbacks.
	installations = 2000
	clients       = 8
	coldStarts    = 9
)

func main() { os.Exit(realMain()) }

// realMain returns the exit code, so that deferred calls run before the process ends.
func realMain() int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "peers:", err)
		return 1
	}
	return 0
}

// figures of one subject, of all its rounds.
type figures struct {
	cold      []time.Duration
	latencies []time.Duration
	rates     []float64
	rss       []int64
}

func run(ctx context.Context, out io.Writer) error {
	subjects := []*subject{
		{name: "atlassian-connect-express 11.5.3", folder: ".tools/peers", command: []string{"node", "server.js"}, portArgument: true},
		{name: "linkersync lifecycle", command: []string{"bin/peers/lifecycle.test", "-test.run", "^TestServePeers$", "-test.timeout", "10m"}},
	}
	for range coldStarts {
		for _, s := range subjects {
			started, err := s.start(ctx)
			if err != nil {
				return err
			}
			s.figures.cold = append(s.figures.cold, started.cold)
			started.stop()
		}
	}
	for round := range rounds {
		for _, s := range subjects {
			if err := s.round(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		_, _ = fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
	}
	return table(out, subjects)
}

// round loads a fresh process with every callback of its installations.
func (s *subject) round(ctx context.Context) error {
	started, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer started.stop()
	began := time.Now()
	latencies, err := load(ctx, started.url)
	if err != nil {
		return err
	}
	s.figures.rates = append(s.figures.rates, float64(len(latencies))/time.Since(began).Seconds())
	s.figures.latencies = append(s.figures.latencies, latencies...)
	rss, err := started.rss()
	s.figures.rss = append(s.figures.rss, rss)
	return err
}

func table(out io.Writer, subjects []*subject) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "\tcold start to first answer\trequests/s\tp50\tp99\tRSS\t")
	for _, s := range subjects {
		f := s.figures
		slices.Sort(f.latencies)
		_, _ = fmt.Fprintf(w, "%s\t%.1f ms\t%.0f\t%.2f ms\t%.2f ms\t%.1f MiB\t\n", s.name,
			ms(middle(f.cold)), middle(f.rates), ms(at(f.latencies, 50)), ms(at(f.latencies, 99)), float64(middle(f.rss))/(1<<20))
	}
	peer, ours := subjects[0].figures, subjects[1].figures
	_, _ = fmt.Fprintf(w, "ratio\t%.0f times faster\t%.1f times\t%.2f\t%.2f\t%.2f\t\n",
		float64(middle(peer.cold))/float64(middle(ours.cold)), middle(ours.rates)/middle(peer.rates),
		float64(at(ours.latencies, 50))/float64(at(peer.latencies, 50)), float64(at(ours.latencies, 99))/float64(at(peer.latencies, 99)),
		float64(middle(ours.rss))/float64(middle(peer.rss)))
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d rounds of %d installations, each installed, reinstalled with a new secret, and uninstalled, by %d clients; one CPU for the server; medians\n", rounds, installations, clients)
	return err
}

func middle[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// at returns a percentile of sorted values.
func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
