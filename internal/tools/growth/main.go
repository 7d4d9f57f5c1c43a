// Command growth measures how the cost of an apply grows with values and with
// installations: calls to Bitbucket, which a real network multiplies with its round
// trip, and the time that our own code takes, which is added once. The simulated
// Bitbucket runs in the same process and its time is taken off. It prints CSV, which
// `make plot` draws.
package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	values, err := grow(ctx, "values of one linker", []int{10, 100, 1000, 10_000, 100_000}, func(n int) size { return size{installations: 1, values: n} })
	if err != nil {
		return err
	}
	installations, err := grow(ctx, "installations with 100 values each", []int{1, 10, 100, 1000}, func(n int) size { return size{installations: n, values: 100} })
	if err != nil {
		return err
	}
	return write(out, values, installations)
}

// write prints a row for each measurement.
func write(out io.Writer, all ...growth) error {
	rows := [][]string{{"of", "size", "series", "calls", "own_ns"}}
	for _, g := range all {
		for i, n := range g.sizes {
			for _, s := range []struct {
				name string
				cost cost
			}{{"first push", g.first[i]}, {"nothing to change", g.unchanged[i]}} {
				rows = append(rows, []string{g.of, strconv.Itoa(n), s.name, strconv.Itoa(s.cost.calls), strconv.FormatInt(s.cost.own.Nanoseconds(), 10)})
			}
		}
	}
	return csv.NewWriter(out).WriteAll(rows)
}
