package reconcile_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/inprocess"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

// BenchmarkReconcile is one apply of 1,000 values, from reading to verified: the
// product's own client, signing and retrying as it does in production, against a
// Bitbucket in the same process. "own-ns/op" is without the simulator's share, and
// "calls/op" is what each round trip of a real network has to be multiplied with.
func BenchmarkReconcile(b *testing.B) {
	thousand := numbered("P", 1000)
	renamed := append([]string{"NEW"}, thousand[1:]...)
	for _, bench := range []struct {
		name string
		// desired are applied in turn.
		desired [2][]string
	}{
		{"unchanged", [2][]string{thousand, thousand}},
		{"one changed", [2][]string{renamed, thousand}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			sim, wire, client := inProcess(b, thousand...)
			b.ReportAllocs()
			turn := 0
			wire.Served = 0
			sim.Faults().ResetCalls()
			for b.Loop() {
				if _, err := reconcile.ApplyLinker(b.Context(), client, pruned(bench.desired[turn%2]...), awake(nil)); err != nil {
					b.Fatal(err)
				}
				turn++
			}
			b.ReportMetric(float64((b.Elapsed()-wire.Served).Nanoseconds())/float64(b.N), "own-ns/op")
			b.ReportMetric(float64(sim.Faults().Total())/float64(b.N), "calls/op")
		})
	}
}

// inProcess is the product's own client against a simulated Bitbucket without a
// socket between them.
func inProcess(tb testing.TB, values ...string) (*simbitbucket.Server, *inprocess.Transport, *bitbucket.Client) {
	tb.Helper()
	sim := simbitbucket.New(simbitbucket.Options{})
	err := sim.Seed(simbitbucket.State{
		Apps: []simbitbucket.App{{Key: simApp, Descriptor: simbitbucket.Descriptor(simApp, "https://app.example.com", "jira")}},
		Installations: []simbitbucket.Installation{{
			AppKey: simApp, SharedSecret: "a shared secret",
			Principal: simbitbucket.Principal{UUID: simWorkspace, Username: "example"},
			Values:    map[string][]string{"jira": values},
		}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	wire := &inprocess.Transport{Handler: sim}
	stack := transport.New(transport.Options{Next: wire, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	signer := connect.Signer{AppKey: simApp, ClientKey: simClientKey, Secret: redact.New("a shared secret")}
	return sim, wire, &bitbucket.Client{BaseURL: "http://127.0.0.1", HTTP: &http.Client{Transport: stack}, Sign: signer.Sign}
}
