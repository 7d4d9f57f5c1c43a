package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// two rounds; the second on a machine that was three times as slow.
const twoRounds = `goos: linux
BenchmarkVerify-2       	   10000	      1300 ns/op	    3000 B/op	      60 allocs/op
BenchmarkBareParse-2    	   10000	      1000 ns/op	    2000 B/op	      50 allocs/op
BenchmarkSign-2         	   10000	       700 ns/op
BenchmarkBareSign-2     	   10000	       500 ns/op
BenchmarkPlan/10000-2   	     100	     10000 ns/op	         1.0 ns/value	       0 B/op	   10000 allocs/op
BenchmarkPlan/100000-2  	      10	    105000 ns/op	         1.0 ns/value	       0 B/op	  110000 allocs/op
BenchmarkPlanShuffled/10000-2 	     100	     10000 ns/op
BenchmarkPlanShuffled/100000-2	     100	    120000 ns/op
BenchmarkValidRequest-2 	   10000	     22000 ns/op
BenchmarkInvalidToken-2 	   10000	     11000 ns/op
BenchmarkVerifyOnly-2   	   10000	     10000 ns/op
PASS
ok  	example.com/x	1.2s
BenchmarkVerify-2       	   10000	      3600 ns/op	    3000 B/op	      60 allocs/op
BenchmarkBareParse-2    	   10000	      3000 ns/op	    2000 B/op	      50 allocs/op
BenchmarkSign-2         	   10000	      2100 ns/op
BenchmarkBareSign-2     	   10000	      1500 ns/op
BenchmarkPlan/10000-2   	     100	     30000 ns/op	         1.0 ns/value	       0 B/op	   10000 allocs/op
BenchmarkPlan/100000-2  	      10	    315000 ns/op	         1.0 ns/value	       0 B/op	  110000 allocs/op
BenchmarkPlanShuffled/10000-2 	     100	     30000 ns/op
BenchmarkPlanShuffled/100000-2	     100	    300000 ns/op
BenchmarkValidRequest-2 	   10000	     66000 ns/op
BenchmarkInvalidToken-2 	   10000	     33000 ns/op
BenchmarkVerifyOnly-2   	   10000	     30000 ns/op
`

func TestRatiosOfTheFastestRoundsAndOfTheMedianOne(t *testing.T) {
	t.Parallel()
	lines, err := table(t, twoRounds)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"figure fastest rounds median round goal",
		"verify with qsh / golang-jwt's bare parse 1.30 1.25 ≤ 0.9 MISSED",
		"sign with qsh / golang-jwt's bare signing 1.40 1.40 ≤ 1.3 MISSED",
		"verify with qsh, allocations 60.00 60.00 ≤ 40 MISSED",
		"whole signed request / its verification 2.20 2.20 ≤ 4 met",
		"request with a forged token / a valid one 0.50 0.50 ≤ 1 met",
		"plan of 100,000 values / of 10,000 10.50 10.50 ≤ 11 met",
		"the same, values in no order 12.00 11.00 ≤ 11 MISSED",
		"plan of 100,000 values, allocations a value 1.10 1.10 ≤ 3 met",
	}
	for i, line := range want {
		if i >= len(lines) || lines[i] != line {
			t.Errorf("line %d of %q, want %q", i, lines, line)
		}
	}
}

func TestResultsThatDoNotAddUpAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ results, want string }{
		"empty":            {"", "no ns/op of BenchmarkVerify"},
		"one side only":    {strings.ReplaceAll(twoRounds, "BareParse", "Other"), "no ns/op of BenchmarkBareParse"},
		"a round cut off":  {strings.Replace(twoRounds, "BenchmarkBareParse", "Benchmark-", 1), "2 rounds and 1"},
		"no number at all": {"BenchmarkVerify-2 1 fast ns/op\n", "parse"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := table(t, test.results); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if err := run(nil, nil); err == nil {
		t.Error("no file was accepted")
	}
	if err := run([]string{filepath.Join(t.TempDir(), "none")}, nil); err == nil {
		t.Error("a missing file was accepted")
	}
}

// table runs the command on results and returns its lines, each with single spaces.
func table(t *testing.T, results string) ([]string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bench.txt")
	if err := os.WriteFile(path, []byte(results), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := run([]string{path}, &out)
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines, err
}
