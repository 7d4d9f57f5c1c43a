package manifest_test

import (
	"fmt"
	"testing"

	"github.com/linkersync/linkersync/shared/manifest"
)

// BenchmarkParse reads manifests whose values stand in them or in a file. The
// file is the cheaper way by an order of magnitude, which is why it exists.
func BenchmarkParse(b *testing.B) {
	for _, count := range []int{10, 1_000, 100_000} {
		inline := []byte("version: 1\nlinkers:\n  - key: k\n    values:\n" + repeat(count, "      - PROJ-%d\n"))
		lines := []byte(repeat(count, "PROJ-%d\n"))
		benchmarks := map[string]struct {
			data []byte
			open func(string) ([]byte, error)
		}{
			"inline": {data: inline},
			"file":   {data: []byte(fromFile), open: func(string) ([]byte, error) { return lines, nil }},
		}
		for name, bench := range benchmarks {
			b.Run(fmt.Sprintf("%s/values=%d", name, count), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					got, err := manifest.Parse("m.yaml", bench.data, bench.open)
					if err != nil || len(got.Linkers[0].Values) != count {
						b.Fatalf("%d values, %v", len(got.Linkers[0].Values), err)
					}
				}
			})
		}
	}
}
