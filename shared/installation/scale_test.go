package installation_test

import (
	"runtime"
	"strings"
	"testing"

	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/installation"
)

// fleet returns a store over many installations, put in place past the protocol.
func fleet(t testing.TB, count int) shop {
	t.Helper()
	s := shop{cloud: simulated(t, simulator.Options{}), clock: newClock(), appKey: "app"}.open(nil)
	const first = "connection:first"
	must(s.Create(t.Context(), sample(first, "secret of "+first), "1"))(t)
	document, tags := s.stageValue(t, first, "AWSCURRENT"), s.inspect(t, first).Tags
	repeat(count-1, func(_ int, key string) {
		tags[installation.TagClientKey] = key
		if err := s.cloud.simulator.Secrets.Add(s.name(t, key), strings.ReplaceAll(document, first, key), tags); err != nil {
			t.Fatal(err)
		}
	})
	s.cloud.simulator.Faults.ResetCalls()
	return s.open(nil)
}

// heap returns what is in use once garbage is gone, in bytes.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// Not parallel: it measures the heap, and other tests would be in it.
//
//nolint:paralleltest // see above
func TestTenThousandInstallations(t *testing.T) {
	const count = 10_000
	s := fleet(t, count)
	calls := func(operation string) int { return s.cloud.simulator.Faults.Count(fault.Target(operation)) }
	for name, test := range map[string]struct {
		query installation.Query
		calls int
	}{
		"with secrets": {installation.Query{WithSecrets: true}, 600},
		"in one state": {installation.Query{State: installation.Installed}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			s.cloud.simulator.Faults.ResetCalls()
			before, most, found := heap(), uint64(0), 0
			for in, err := range s.All(t.Context(), test.query) {
				if err != nil {
					t.Fatal(err)
				}
				if test.query.WithSecrets && in.SharedSecret.Reveal() != "secret of "+in.ClientKey {
					t.Fatalf("%s has the %s", in.ClientKey, in.SharedSecret.Reveal())
				}
				if found++; found%1000 == 0 {
					most = max(most, heap())
				}
			}
			grown := int64(most) - int64(before)
			total := s.cloud.simulator.Faults.Total()
			t.Logf("%d installations, %d calls, heap %d KiB above the start", found, total, grown/1024)
			if found != count || total > test.calls {
				t.Errorf("%d installations in %d calls, want %d in at most %d", found, total, count, test.calls)
			}
			// The issue allows 64 MiB; a page is 100 installations, so flat means far less.
			if grown > 8<<20 {
				t.Errorf("the heap grew by %d KiB while iterating", grown/1024)
			}
		})
	}
	s.cloud.simulator.Faults.ResetCalls()
	for range 3 {
		must(s.Get(t.Context(), "connection:07777"))(t)
	}
	if got := calls("GetSecretValue"); got != 1 || s.cloud.simulator.Faults.Total() != 1 {
		t.Errorf("three look-ups made %d calls, want 1", s.cloud.simulator.Faults.Total())
	}
}

func BenchmarkGetWarm(b *testing.B) {
	s := fleet(b, 1)
	must(s.Get(b.Context(), "connection:first"))(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), "connection:first"); err != nil {
			b.Fatal(err)
		}
	}
}
