package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	simApp       = "example-app"
	simWorkspace = "{11111111-2222-4333-8444-555555555555}"
	simClientKey = "ari:cloud:bitbucket::app/" + simWorkspace + "/" + simApp
)

// simulated is the product's own client against the simulated Bitbucket.
func simulated(t *testing.T, switches simbitbucket.Switches, faults *fault.Injector, values ...string) (*simbitbucket.Server, *bitbucket.Client) {
	t.Helper()
	sim := simbitbucket.New(simbitbucket.Options{Switches: switches, Faults: faults})
	url, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	err = sim.Seed(simbitbucket.State{
		Apps: []simbitbucket.App{{Key: simApp, Descriptor: simbitbucket.Descriptor(simApp, "https://app.example.com", "jira")}},
		Installations: []simbitbucket.Installation{{
			AppKey: simApp, SharedSecret: "a shared secret",
			Principal: simbitbucket.Principal{UUID: simWorkspace, Username: "example"},
			Values:    map[string][]string{"jira": values},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	signer := connect.Signer{AppKey: simApp, ClientKey: simClientKey, Secret: redact.New("a shared secret")}
	base := transport.Base()
	t.Cleanup(base.CloseIdleConnections)
	stack := transport.New(transport.Options{Next: base, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	return sim, &bitbucket.Client{BaseURL: url, HTTP: &http.Client{Transport: stack}, Sign: signer.Sign}
}

func simValues(t *testing.T, sim *simbitbucket.Server) []string {
	t.Helper()
	installation, found := sim.Installation(simClientKey)
	if !found {
		t.Fatal("the installation is gone")
	}
	return slices.Sorted(slices.Values(installation.Values["jira"]))
}

// TestEverySimulatedBitbucket is brought to the target by one and the same code,
// whatever its PUT does and its bodies look like; where it can't be, that is said.
func TestEverySimulatedBitbucket(t *testing.T) {
	t.Parallel()
	actual := slices.Concat(numbered("P", 30), numbered("OLD", 20))
	desired := pruned(numbered("P", 130)...)
	for _, put := range []simbitbucket.PutMode{simbitbucket.PutReplace, simbitbucket.PutMerge} {
		for item := simbitbucket.ItemValue; item <= simbitbucket.ItemString; item++ {
			for _, list := range []simbitbucket.ListShape{simbitbucket.ListEnvelope, simbitbucket.ListMinimal, simbitbucket.ListBare} {
				for _, bulk := range []simbitbucket.BulkShape{simbitbucket.BulkStrings, simbitbucket.BulkObjects, simbitbucket.BulkWrappedStrings, simbitbucket.BulkWrappedObjects} {
					t.Run(fmt.Sprintf("put %d item %d list %d bulk %d", put, item, list, bulk), func(t *testing.T) {
						t.Parallel()
						sim, client := simulated(t, simbitbucket.Switches{Put: put, Item: item, List: list, Bulk: bulk}, nil, actual...)
						_, err := reconcile.ApplyLinker(t.Context(), client, desired, awake(nil))
						want := desired.Values
						if put == simbitbucket.PutMerge && item == simbitbucket.ItemString {
							want = slices.Concat(want, numbered("OLD", 20)) // no way to remove anything
							var left *reconcile.NotConvergedError
							if !errors.As(err, &left) || len(left.Extra) != 20 || left.Extra[0].Reason != noID {
								t.Errorf("got %v", err)
							}
						} else if err != nil {
							t.Error(err)
						}
						if diff := cmp.Diff(slices.Sorted(slices.Values(want)), simValues(t, sim)); diff != "" {
							t.Errorf("values (-want +got):\n%s", diff)
						}
					})
				}
			}
		}
	}
}

// TestFiguresOverHTTP: the calls that Bitbucket sees, counted by the simulator.
func TestFiguresOverHTTP(t *testing.T) {
	t.Parallel()
	thousand := numbered("P", 1000)
	renamed := append([]string{"NEW"}, thousand[1:]...)
	tests := map[string]struct {
		actual, desired []string
		reads, writes   int
	}{
		"nothing to change":   {thousand, thousand, 10, 0},
		"first push of 1,000": {nil, thousand, 1 + 10, 1},
		"one more of 1,000":   {thousand[1:], thousand, 10 + 10, 1},
		"one less of 1,000":   {thousand, thousand[1:], 10 + 10, 1},
		"one renamed":         {thousand, renamed, 10 + 10, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, client := simulated(t, simbitbucket.Switches{}, nil, test.actual...)
			if _, err := reconcile.ApplyLinker(t.Context(), client, pruned(test.desired...), awake(nil)); err != nil {
				t.Fatal(err)
			}
			reads := sim.Faults().Count(fault.Match{Method: http.MethodGet})
			if writes := sim.Faults().Total() - reads; reads != test.reads || writes != test.writes {
				t.Errorf("%d reads and %d writes, want %d and %d", reads, writes, test.reads, test.writes)
			}
		})
	}
}

// TestFaultsOverHTTP: three calls in ten fail, in every way there is, and the
// process dies now and then; runs that follow each other end in the target.
func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			faults := fault.New(fault.Options{Seed: seed})
			stay := numbered("P", 15)
			put := []simbitbucket.PutMode{simbitbucket.PutReplace, simbitbucket.PutMerge}[seed%2]
			sim, client := simulated(t, simbitbucket.Switches{Put: put}, faults, slices.Concat(stay, numbered("OLD", 12))...)
			faults.Add(fault.Any(), fault.Probability(0.3), fault.Pick(
				fault.Reset(), fault.ResetAfter(), fault.CutBody(), fault.Respond(500, nil, ""), fault.Respond(555, nil, ""),
				fault.Respond(429, http.Header{"Content-Type": {"text/plain"}}, "Rate limit for this resource has been exceeded"),
			))
			death := faults.KillAfter(int(seed%8)+2, nil)
			desired := pruned(append(numbered("NEW", int(seed)), stay...)...)
			var err error
			for run := range 30 {
				if run == 1 {
					death.Remove()
				}
				_, err = reconcile.ApplyLinker(t.Context(), client, desired, reconcile.Options{AllowPrune: true, Sleep: awake(nil).Sleep})
				if missing := without(stay, simValues(t, sim)); len(missing) > 0 {
					t.Fatalf("run %d deleted %v", run, missing)
				}
				if err == nil {
					break
				}
				if !errors.Is(err, bitbucket.ErrUnavailable) && !is[*reconcile.NotConvergedError](err) {
					t.Errorf("run %d ended in no error that has a name: %v", run, err)
				}
			}
			if err != nil {
				t.Fatalf("30 runs were not enough: %v", err)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(desired.Values)), simValues(t, sim), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWritersOfOneTarget at once don't disturb each other.
func TestWritersOfOneTarget(t *testing.T) {
	t.Parallel()
	for _, put := range []simbitbucket.PutMode{simbitbucket.PutReplace, simbitbucket.PutMerge} {
		sim, client := simulated(t, simbitbucket.Switches{Put: put}, nil, numbered("OLD", 8)...)
		desired := pruned(numbered("P", 9)...)
		var writers sync.WaitGroup
		for range 6 {
			writers.Go(func() {
				if _, err := reconcile.ApplyLinker(t.Context(), client, desired, awake(nil)); err != nil {
					t.Errorf("put %d: %v", put, err)
				}
			})
		}
		writers.Wait()
		if diff := cmp.Diff(desired.Values, simValues(t, sim)); diff != "" {
			t.Errorf("put %d: values (-want +got):\n%s", put, diff)
		}
	}
}

// TestARemovedEndpointEndsAtOnce, in each form that the removal may take.
func TestARemovedEndpointEndsAtOnce(t *testing.T) {
	t.Parallel()
	for removal := simbitbucket.RemovedGone; removal <= simbitbucket.RemovedUnknownURL; removal++ {
		sim, client := simulated(t, simbitbucket.Switches{Removed: removal}, nil)
		_, err := reconcile.ApplyLinker(t.Context(), client, linker("A"), awake(nil))
		if !errors.Is(err, bitbucket.ErrEndpointRemoved) {
			t.Errorf("removal %d gives %v", removal, err)
		}
		if total := sim.Faults().Total(); total > 2 {
			t.Errorf("removal %d took %d calls to see", removal, total)
		}
	}
}
