package lambda_test

import (
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// BenchmarkColdStart is a whole first invocation: spawn, init, one call. The init
// and the resident memory are reported beside it.
func BenchmarkColdStart(b *testing.B) {
	var toNext time.Duration
	var resident int64
	for b.Loop() {
		function := start(b, nil)
		invoke[any](b, function, `{}`)
		started := function.Stats().ColdStarts[0]
		toNext += started.ToNext
		resident += started.RSS
		function.Stop()
	}
	b.ReportMetric(float64(toNext.Microseconds())/float64(b.N)/1000, "ms-to-next/op")
	b.ReportMetric(float64(resident)/float64(b.N)/(1<<20), "MiB-resident/op")
}

// BenchmarkWarmInvoke is what the simulator itself adds to a call.
func BenchmarkWarmInvoke(b *testing.B) {
	function := start(b, func(f *lambda.Function) { f.Concurrency = 1 })
	invoke[any](b, function, `{}`)
	for b.Loop() {
		invoke[any](b, function, `{}`)
	}
}
