package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// pages is a Bitbucket that only lists: it decodes pages of 100 values, which is
// what a plan does with most of its time.
type pages [][]byte

func (p pages) LinkerValues(context.Context, string) iter.Seq2[bitbucket.LinkerValue, error] {
	return func(yield func(bitbucket.LinkerValue, error) bool) {
		for _, page := range p {
			var body struct{ Values []bitbucket.LinkerValue }
			if err := json.Unmarshal(page, &body); err != nil {
				yield(bitbucket.LinkerValue{}, err)
				return
			}
			for _, value := range body.Values {
				if !yield(value, nil) {
					return
				}
			}
		}
	}
}

func (pages) CreateLinkerValue(context.Context, string, string) (bitbucket.LinkerValue, error) {
	return bitbucket.LinkerValue{}, errors.ErrUnsupported
}

func (pages) UpdateLinkerValues(context.Context, string, []string) error {
	return errors.ErrUnsupported
}

func (pages) DeleteLinkerValue(context.Context, string, int64) error { return errors.ErrUnsupported }

// planOf has one value in a hundred to add and as many to remove. With a step of
// 1 they are listed in the order in which a push of the manifest stores them;
// with a large prime, in an order that has nothing to do with it.
func planOf(tb testing.TB, n, step int) (pages, manifest.Linker) {
	values := numbered("PROJECT-", n)
	rows := make([]bitbucket.LinkerValue, n)
	for i := range rows {
		at := (i * step) % n
		rows[i] = bitbucket.LinkerValue{ID: int64(at + 1), Value: values[at]}
		if at%100 == 0 {
			rows[i].Value = fmt.Sprintf("GONE-%d", at)
		}
	}
	var listed pages
	for page := range slices.Chunk(rows, pageLength) {
		body, err := json.Marshal(map[string]any{"values": page})
		if err != nil {
			tb.Fatal(err)
		}
		listed = append(listed, body)
	}
	return listed, pruned(values...)
}

// TestPlanAllocates at most 3 times per value, decoding included, and no more per
// value when there are more of them; 100,000 take the race detector too long.
func TestPlanAllocates(t *testing.T) {
	perValue := map[int]float64{}
	for _, n := range []int{1000, 20_000} {
		listed, desired := planOf(t, n, 1)
		perValue[n] = testing.AllocsPerRun(1, func() {
			if _, err := reconcile.PlanLinker(t.Context(), listed, desired); err != nil {
				t.Fatal(err)
			}
		}) / float64(n)
	}
	if perValue[20_000] > 3 || perValue[20_000] > 1.1*perValue[1000] {
		t.Errorf("allocations per value are %v", perValue)
	}
}

// BenchmarkPlan shows how cost grows with the number of values.
func BenchmarkPlan(b *testing.B) { benchmarkPlan(b, 1) }

// BenchmarkPlanShuffled is the worst order: no value follows the one before it in the
// list, and none is in the processor's cache.
func BenchmarkPlanShuffled(b *testing.B) { benchmarkPlan(b, 7919) }

func benchmarkPlan(b *testing.B, step int) {
	for _, n := range []int{10, 1000, 10_000, 100_000} {
		listed, desired := planOf(b, n, step)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := reconcile.PlanLinker(b.Context(), listed, desired); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/value")
		})
	}
}
