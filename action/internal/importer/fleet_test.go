package importer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/action/internal/importer"
	"github.com/linkersync/linkersync/action/internal/importer/journal"
	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/installation"
)

const fleet = 1_000

// file is JSON lines of so many installations, made while it is read.
func file(rows int) io.Reader {
	in, out := io.Pipe()
	go func() {
		var err error
		for i := 1; i <= rows && err == nil; i++ {
			_, err = fmt.Fprintf(out, `{"clientKey":%q,"sharedSecret":"secret-%d"}`+"\n", key(i), i)
		}
		_ = out.CloseWithError(err) // the reader hears of it
	}()
	return in
}

// A fleet is interrupted by the death of the process in the middle of a
// write, and resumed: each is stored exactly once, with its own secret.
func TestFleetInterruptedAndResumed(t *testing.T) {
	t.Parallel()
	cloud := simaws.New(simaws.Options{})
	t.Cleanup(cloud.Close)
	path := filepath.Join(t.TempDir(), "done.txt")
	options := importer.Options{Parallel: 16, WritesPerSecond: 1e6}

	ctx, cancel := context.WithCancel(t.Context())
	killed := cloud.Faults.KillAfter(fleet, cancel)
	counts, _, err := run(ctx, t, cloud, path, options)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("not interrupted: %v, %v", err, counts)
	}
	killed.Remove()
	first := counts[importer.Stored]
	if first == 0 || first >= fleet {
		t.Fatalf("%d were stored before the interruption", first)
	}

	counts, reasons, err := run(t.Context(), t, cloud, path, options)
	if err != nil || len(reasons) != 0 {
		t.Fatal(err, reasons)
	}
	// What was written and not noted yet is found to be there.
	if counts[importer.Done] != first || counts[importer.Stored]+counts[importer.Present]+first != fleet || counts[importer.Present] > options.Parallel {
		t.Errorf("%v after %d", counts, first)
	}
	if got := len(cloud.Secrets.Names()); got != fleet {
		t.Errorf("%d secrets", got)
	}
	// The one that was killed took effect without an answer; none was sent twice.
	if writes := cloud.Faults.Count(fault.Target("CreateSecret")); writes > fleet+options.Parallel {
		t.Errorf("%d writes", writes)
	}
	checkFleet(t, cloud)
}

func run(ctx context.Context, t *testing.T, cloud *simaws.Server, path string, options importer.Options) (map[importer.Outcome]int, []string, error) {
	t.Helper()
	done, err := journal.Open(path, "a fleet")
	if err != nil {
		t.Fatal(err)
	}
	defer done.Close()
	return outcomes(ctx, installation.ReadRows(file(fleet), appKey), storeOn(cloud), done, options)
}

func storeOn(cloud *simaws.Server) *installation.SecretsManager {
	return installation.NewSecretsManager(secretsmanager.NewFromConfig(cloud.Config()), installation.Options{AppKey: appKey})
}

func checkFleet(t *testing.T, cloud *simaws.Server) {
	t.Helper()
	count := 0
	for in, err := range storeOn(cloud).All(t.Context(), installation.Query{WithSecrets: true}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
		if number := strings.TrimPrefix(in.ClientKey, "connection:"); in.SharedSecret.Reveal() != "secret-"+number {
			t.Fatalf("%s has the secret of another", in.ClientKey)
		}
	}
	if count != fleet {
		t.Errorf("%d installations", count)
	}
}

// What is in memory is bounded, but for the names in the journal.
func TestMemoryStaysFlat(t *testing.T) { //nolint:paralleltest // it measures the heap
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	const rows = 10_000
	count, before := 0, uint64(0)
	for result, err := range importer.Run(t.Context(), installation.ReadRows(file(rows), appKey), &memory{}, inMemory(t), importer.Options{Parallel: 16, WritesPerSecond: 1e6}) {
		if err != nil || result.Outcome != importer.Stored {
			t.Fatal(result, err)
		}
		if count++; count == rows/10 {
			before = heap()
		}
	}
	if after := heap(); count != rows || after > before+4<<20 {
		t.Errorf("%d rows, the heap grew from %d to %d bytes", count, before, after)
	}
}
