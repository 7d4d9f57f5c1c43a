package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/inprocess"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	appKey    = "example-linker-app"
	linkerKey = "jira"
	secret    = "not-a-real-shared-secret"
	// rounds of each measurement, of which the fastest counts: what else runs on the
	// machine only ever adds time.
	rounds = 5
)

// size of one measurement.
type size struct{ installations, values int }

// cost of one apply to all installations.
type cost struct {
	calls int
	// own is the time without that of the simulated Bitbucket.
	own time.Duration
}

// growth is how cost grows with something.
type growth struct {
	of               string
	sizes            []int
	unchanged, first []cost
}

func grow(ctx context.Context, of string, sizes []int, sized func(int) size) (growth, error) {
	g := growth{of: of, sizes: sizes}
	for _, n := range sizes {
		first, unchanged, err := measure(ctx, sized(n))
		if err != nil {
			return growth{}, fmt.Errorf("measure %d %s: %w", n, of, err)
		}
		g.first, g.unchanged = append(g.first, first), append(g.unchanged, unchanged)
	}
	return g, nil
}

// measure pushes all values to installations that have none, and then once more.
func measure(ctx context.Context, size size) (first, unchanged cost, err error) {
	desired := manifest.Linker{Key: linkerKey, Prune: true, Values: make([]string, size.values)}
	for i := range desired.Values {
		desired.Values[i] = fmt.Sprintf("P%d", i)
	}
	for round := range rounds {
		world, err := newWorld(size.installations)
		if err != nil {
			return cost{}, cost{}, err
		}
		for _, best := range []*cost{&first, &unchanged} {
			got, err := world.apply(ctx, desired)
			if err != nil {
				return cost{}, cost{}, err
			}
			if round == 0 || got.own < best.own {
				*best = got
			}
		}
	}
	return first, unchanged, nil
}

// world is a Bitbucket with installations, and a client for each, which share
// what clients of one process share.
type world struct {
	sim     *simbitbucket.Server
	wire    *inprocess.Transport
	clients []*bitbucket.Client
}

func newWorld(installations int) (*world, error) {
	w := &world{sim: simbitbucket.New(simbitbucket.Options{})}
	state := simbitbucket.State{Apps: []simbitbucket.App{{
		Key: appKey, Descriptor: simbitbucket.Descriptor(appKey, "https://app.example.com", linkerKey),
	}}}
	w.wire = &inprocess.Transport{Handler: w.sim}
	shared := &http.Client{Transport: transport.New(transport.Options{Next: w.wire})}
	codec := &bitbucket.Codec{}
	for i := range installations {
		uuid := fmt.Sprintf("{11111111-2222-4333-8444-%012d}", i)
		state.Installations = append(state.Installations, simbitbucket.Installation{
			AppKey: appKey, SharedSecret: secret, Principal: simbitbucket.Principal{UUID: uuid},
		})
		signer := connect.Signer{AppKey: appKey, ClientKey: "ari:cloud:bitbucket::app/" + uuid + "/" + appKey, Secret: redact.New(secret)}
		w.clients = append(w.clients, &bitbucket.Client{BaseURL: "http://127.0.0.1", HTTP: shared, Sign: signer.Sign, Codec: codec})
	}
	return w, w.sim.Seed(state)
}

// apply brings every installation to the desired values, one after the other.
func (w *world) apply(ctx context.Context, desired manifest.Linker) (cost, error) {
	w.sim.Faults().ResetCalls()
	w.wire.Served = 0
	began := time.Now()
	for _, client := range w.clients {
		if _, err := reconcile.ApplyLinker(ctx, client, desired, reconcile.Options{}); err != nil {
			return cost{}, err
		}
	}
	return cost{calls: w.sim.Faults().Total(), own: time.Since(began) - w.wire.Served}, nil
}
