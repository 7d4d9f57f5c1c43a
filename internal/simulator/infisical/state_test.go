package infisical_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/infisical"
)

func TestSnapshotIsWhatWasSeeded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.create(token, map[string]any{"description": "d"})
	snapshot := r.sim.Snapshot()
	again := infisical.New(infisical.Options{})
	if err := again.Seed(snapshot); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snapshot, again.Snapshot()); diff != "" {
		t.Error(diff)
	}
	if len(snapshot.Organizations) != 4 || len(snapshot.Projects) != 2 || len(snapshot.Identities) != 3 || len(snapshot.Connections) != 1 {
		t.Errorf("snapshot is %+v", snapshot)
	}
}

func TestSeedRefusesNonsense(t *testing.T) {
	t.Parallel()
	orgs := []infisical.Organization{{ID: org, Slug: "example"}}
	for name, test := range map[string]struct {
		state infisical.State
		want  string
	}{
		"project without organization":    {infisical.State{Projects: []infisical.Project{{ID: "p", OrgID: "x"}}}, "project p"},
		"identity without organization":   {infisical.State{Identities: []infisical.Identity{{ID: "i"}}}, "identity i"},
		"connection without organization": {infisical.State{Connections: []infisical.Connection{{Name: "c"}}}, "connection c"},
		"name taken": {infisical.State{Organizations: orgs, Connections: []infisical.Connection{
			{Name: "c", OrgID: org}, {Name: "c", App: "github", OrgID: org},
		}}, "taken"},
	} {
		err := infisical.New(infisical.Options{}).Seed(test.state)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v does not mention %q", name, err, test.want)
		}
	}
}

func TestResetForgetsEverything(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	r.sim.SetLimits(infisical.Limits{Read: 1})
	r.sim.Faults().Add(fault.Any(), fault.Always(), fault.Respond(500, nil, ""))
	r.sim.Reset()
	if diff := cmp.Diff(infisical.State{}, r.sim.Snapshot()); diff != "" {
		t.Error(diff)
	}
	got := r.want(401, "UnauthorizedError", "No identity access token found", request{method: "GET", path: connectionsURL, token: token})
	if len(rateHeaders(got.header)) != 0 || r.sim.Faults().Total() != 1 || r.sim.ActiveTokens() != 0 {
		t.Error("limits, calls or tokens are still there")
	}
}

// A race for one name has one winner, and the others are told that it exists.
func TestOneOfManyCreatesWins(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.login("robot")
	var won, lost atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			switch got := r.do(request{method: "POST", path: connectionsURL, token: token, body: creation(nil)}); got.status {
			case 200:
				won.Add(1)
			case 400:
				lost.Add(1)
			default:
				t.Errorf("status %d: %s", got.status, got.body)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 || lost.Load() != 7 {
		t.Errorf("%d won and %d lost, want 1 and 7", won.Load(), lost.Load())
	}
}

// Everything at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for n := range 10 {
				token := r.login("robot")
				c := r.create(token, map[string]any{"name": fmt.Sprintf("c-%d-%d", i, n)})
				r.do(request{method: "PATCH", path: connectionsURL + "/" + c.ID, token: token, body: `{"description":"x"}`})
				r.do(request{method: "GET", path: connectionsURL, token: token})
				r.do(request{method: "DELETE", path: connectionsURL + "/" + c.ID, token: token})
				r.sim.Snapshot()
				r.sim.SetLimits(infisical.Limits{All: 100_000})
				r.sim.ActiveTokens()
			}
		})
	}
	wait.Wait()
	if left := r.sim.Snapshot().Connections; len(left) != 0 {
		t.Errorf("%d connections are left", len(left))
	}
}
