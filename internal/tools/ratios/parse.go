package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are the values of each benchmark and unit, in the order of the rounds.
type results map[string][]float64

// processors is the number that go test appends to a name.
var processors = regexp.MustCompile(`-\d+$`)

// parse reads the lines of benchmarks and passes over all others.
// Source: https://go.googlesource.com/proposal/+/master/design/14313-benchmark-format.md
func parse(in io.Reader) (results, error) {
	found := results{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		name, ok := strings.CutPrefix(lines.Text(), "Benchmark")
		if !ok || len(fields) < 4 {
			continue
		}
		name, _, _ = strings.Cut(name, " ")
		name, _, _ = strings.Cut(name, "\t")
		name = processors.ReplaceAllString(name, "")
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("parse %q: %w", lines.Text(), err)
			}
			found[name+" "+fields[i+1]] = append(found[name+" "+fields[i+1]], value)
		}
	}
	return found, lines.Err()
}

func (r results) of(benchmark, unit string) ([]float64, error) {
	values := r[benchmark+" "+unit]
	if len(values) == 0 {
		return nil, fmt.Errorf("no %s of Benchmark%s in the results: run all of make bench", unit, benchmark)
	}
	return values, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
