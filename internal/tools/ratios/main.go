// Command ratios reads `go test -bench` output and prints the figures of
// docs/performance.md that are ratios of two benchmarks of the same run. It prints
// and does not judge: tests that count allocations and calls do.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("got %d arguments, want the one file that make bench writes, such as .local/bench.txt", len(args))
	}
	file, err := os.Open(args[0])
	if err != nil {
		return fmt.Errorf("open the results: %w", err)
	}
	defer func() { _ = file.Close() }()
	results, err := parse(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", args[0], err)
	}
	return print(out, results)
}

// figure is one benchmark's value over another's, or over a number.
type figure struct {
	name, unit string
	over       string
	// under is empty when divisor takes its place.
	under   string
	divisor float64
	goal    float64
}

func figures() []figure {
	return []figure{
		{name: "verify with qsh / golang-jwt's bare parse", unit: "ns/op", over: "Verify", under: "BareParse", goal: 0.9},
		{name: "sign with qsh / golang-jwt's bare signing", unit: "ns/op", over: "Sign", under: "BareSign", goal: 1.3},
		{name: "verify with qsh, allocations", unit: "allocs/op", over: "Verify", divisor: 1, goal: 40},
		{name: "whole signed request / its verification", unit: "ns/op", over: "ValidRequest", under: "VerifyOnly", goal: 4},
		{name: "request with a forged token / a valid one", unit: "ns/op", over: "InvalidToken", under: "ValidRequest", goal: 1},
		{name: "plan of 100,000 values / of 10,000", unit: "ns/op", over: "Plan/100000", under: "Plan/10000", goal: 11},
		{name: "the same, values in no order", unit: "ns/op", over: "PlanShuffled/100000", under: "PlanShuffled/10000", goal: 11},
		{name: "plan of 100,000 values, allocations a value", unit: "allocs/op", over: "Plan/100000", divisor: 100_000, goal: 3},
	}
}

// print shows the ratio of the fastest rounds, which the goal is held against: what
// else runs on a machine only ever adds time. The median of the rounds' own ratios
// stands beside it, and the two agree on a machine that is left alone.
func print(out io.Writer, results results) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "figure\tfastest rounds\tmedian round\tgoal\t")
	for _, f := range figures() {
		over, under, err := f.values(results)
		if err != nil {
			return err
		}
		rounds := make([]float64, len(over))
		for i := range over {
			rounds[i] = over[i] / under[i]
		}
		best, verdict := slices.Min(over)/slices.Min(under), "met"
		if best > f.goal {
			verdict = "MISSED"
		}
		_, _ = fmt.Fprintf(table, "%s\t%.2f\t%.2f\t≤ %.4g\t%s\n", f.name, best, median(rounds), f.goal, verdict)
	}
	return table.Flush()
}

// values of each round, above and below the line.
func (f figure) values(results results) (over, under []float64, err error) {
	if over, err = results.of(f.over, f.unit); err != nil {
		return nil, nil, err
	}
	if f.under == "" {
		return over, slices.Repeat([]float64{f.divisor}, len(over)), nil
	}
	if under, err = results.of(f.under, f.unit); err != nil {
		return nil, nil, err
	}
	if len(over) != len(under) {
		return nil, nil, fmt.Errorf("compare %s with %s: %d rounds and %d", f.over, f.under, len(over), len(under))
	}
	return over, under, nil
}
