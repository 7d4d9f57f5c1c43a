package manifest_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/manifest"
)

// BenchmarkParse reads manifests whose values stand in them or in a file. The
// file is the cheaper way by an order of magnitude, which is why it exists.
func BenchmarkParse(b *testing.B) {
	for _, count := range []int{1_000, 10_000, 100_000} {
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
				resetPeak()
				for b.Loop() {
					got, err := manifest.Parse("m.yaml", bench.data, bench.open)
					if err != nil || len(got.Linkers[0].Values) != count {
						b.Fatalf("%d values, %v", len(got.Linkers[0].Values), err)
					}
				}
				b.ReportMetric(peak(), "peak-MB")
			})
		}
	}
}

// resetPeak starts a new measurement of the process's peak memory. Only Linux has one.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
func resetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// peak is the most memory that was resident since resetPeak, in megabytes.
func peak() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kibibytes float64
	_, _ = fmt.Sscan(rest, &kibibytes)
	return kibibytes * 1024 / 1e6
}
