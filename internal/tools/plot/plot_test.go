package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCallsGrowWithPagesAndInstallations, and with nothing else.
func TestCallsGrowWithPagesAndInstallations(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size             size
		first, unchanged int
	}{
		"one by one":          {size{1, 10}, 1 + 10 + 1, 1},
		"one page":            {size{1, 100}, 1 + 1 + 1, 1},
		"three pages":         {size{1, 300}, 1 + 1 + 3, 3},
		"three installations": {size{3, 100}, 9, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, unchanged, err := measure(t.Context(), test.size)
			if err != nil {
				t.Fatal(err)
			}
			if first.calls != test.first || unchanged.calls != test.unchanged {
				t.Errorf("a first push takes %d calls and the next %d, want %d and %d", first.calls, unchanged.calls, test.first, test.unchanged)
			}
			if first.own <= 0 || unchanged.own <= 0 || unchanged.own > time.Minute {
				t.Errorf("own times are %s and %s", first.own, unchanged.own)
			}
		})
	}
}

func TestAFailedMeasurementNamesItsSize(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := grow(ctx, "values", []int{20}, func(n int) size { return size{1, n} })
	if err == nil || !strings.Contains(err.Error(), "measure 20 values") {
		t.Errorf("got %v", err)
	}
}

func TestThePictureIsSoundAndComplete(t *testing.T) {
	t.Parallel()
	costs := func(calls ...int) []cost {
		var all []cost
		for _, n := range calls {
			all = append(all, cost{calls: n, own: time.Duration(n) * time.Millisecond})
		}
		return all
	}
	var picture bytes.Buffer
	draw(&picture, []growth{
		{of: "values of one linker", sizes: []int{10, 100_000}, unchanged: costs(1, 1000), first: costs(12, 1002)},
		{of: "installations", sizes: []int{1, 1000}, unchanged: costs(1, 900), first: costs(3, 3000)},
	})
	words, marks := elements(t, picture.Bytes())
	for _, word := range []string{
		"Calls to Bitbucket", "values of one linker", "installations", "first push", "nothing to change",
		"100,000", "1,002", "3,000", "900", "900 ms", "3 s",
	} {
		if words[word] == 0 {
			t.Errorf("%q is not there", word)
		}
	}
	// 2 series of 2 points in 4 panels, and the legend's; a rect is also the ground.
	if marks["circle"] != 9 || marks["rect"] != 10 || marks["path"] == 0 {
		t.Errorf("drew %v", marks)
	}
	if text := picture.String(); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "%!") {
		t.Errorf("drew %s", text)
	}
}

// elements parses the picture strictly and counts its texts and its elements.
func elements(t *testing.T, picture []byte) (words, marks map[string]int) {
	t.Helper()
	words, marks = map[string]int{}, map[string]int{}
	decoder := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return words, marks
		}
		if err != nil {
			t.Fatalf("parse the picture: %v\n%s", err, picture)
		}
		switch token := token.(type) {
		case xml.StartElement:
			marks[token.Name.Local]++
		case xml.CharData:
			words[string(token)]++
		}
	}
}

func TestScalesEndAtPowersOfTen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lowest, highest float64
		want            scale
		value, at       float64
	}{
		"between powers": {30, 2000, scale{1, 4}, 100, 1.0 / 3},
		"on powers":      {10, 100_000, scale{1, 5}, 1000, 0.5},
		"one value":      {10, 10, scale{1, 2}, 10, 0},
		"below one":      {0.05, 0.5, scale{-2, 0}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decades(test.lowest, test.highest)
			if got != test.want || math.Abs(got.at(test.value)-test.at) > 1e-9 {
				t.Errorf("got %v, with %g at %g", got, test.value, got.at(test.value))
			}
		})
	}
}

func TestNumbersArePrintedForPeople(t *testing.T) {
	t.Parallel()
	got := []string{
		thousands(0), thousands(999), thousands(1000), thousands(1_002_003), count(0.9999),
		duration(1500), duration(2.5e6), duration(3.21e9),
	}
	want := []string{"0", "999", "1,000", "1,002,003", "1", "1.5 µs", "2.5 ms", "3.21 s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

func TestTheTableHasARowForEachSize(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	g := growth{of: "values", sizes: []int{10, 1000}, unchanged: []cost{{1, time.Millisecond}, {10, 2 * time.Millisecond}}, first: []cost{{12, time.Second}, {13, time.Second}}}
	if err := print(&out, g); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || strings.Join(strings.Fields(lines[2]), " ") != "1,000 10 2 ms 13 1 s" {
		t.Errorf("got %q", lines)
	}
}

func TestTheCommandWantsOneFileThatItCanWrite(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), nil, io.Discard); err == nil {
		t.Error("no file was accepted")
	}
	path := filepath.Join(t.TempDir(), "growth.svg")
	if err := write(path, []growth{}); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(content, []byte("<svg")) {
		t.Errorf("wrote %.20q, %v", content, err)
	}
	if err := write(filepath.Join(path, "below"), nil); err == nil {
		t.Error("a path below a file was accepted")
	}
}
