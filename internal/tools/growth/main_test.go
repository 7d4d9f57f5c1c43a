package main

import (
	"context"
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

func TestEachMeasurementHasARow(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	g := growth{of: "values", sizes: []int{10}, unchanged: []cost{{1, time.Millisecond}}, first: []cost{{12, time.Second}}}
	if err := write(&out, g); err != nil {
		t.Fatal(err)
	}
	const want = "of,size,series,calls,own_ns\nvalues,10,first push,12,1000000000\nvalues,10,nothing to change,1,1000000\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
