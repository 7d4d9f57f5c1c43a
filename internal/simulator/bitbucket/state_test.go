package bitbucket_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

func TestSnapshotIsWhatWasSeeded(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	r.seed(bitbucket.State{
		Users: []bitbucket.User{{Email: "a@example.com", Tokens: []bitbucket.Token{{Value: "t"}}}},
		Installations: []bitbucket.Installation{{
			AppKey: appKey, ClientKey: "connection:479", Values: map[string][]string{"docs": {"B", "A"}},
		}},
	})
	snapshot := r.sim.Snapshot()
	again := bitbucket.New(bitbucket.Options{})
	if err := again.Seed(snapshot); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snapshot, again.Snapshot(), cmpopts.IgnoreUnexported(bitbucket.App{})); diff != "" {
		t.Error(diff)
	}
	if len(snapshot.Installations) != 2 || len(snapshot.Apps) != 1 || len(snapshot.Users) != 1 {
		t.Fatalf("snapshot is %+v", snapshot)
	}
	second := snapshot.Installations[1]
	if second.ClientKey != "connection:479" || len(second.SharedSecret) < 32 || second.Principal.UUID == "" {
		t.Errorf("the defaults were not filled in: %+v", second)
	}
}

func TestSeedRefusesNonsense(t *testing.T) {
	t.Parallel()
	own := bitbucket.Descriptor(appKey, baseURL, "issues")
	known := []bitbucket.App{{Key: appKey, Descriptor: own}}
	for name, test := range map[string]struct {
		state bitbucket.State
		want  string
	}{
		"no descriptor":      {bitbucket.State{Apps: []bitbucket.App{{Key: "a"}}}, "descriptor"},
		"another key":        {bitbucket.State{Apps: []bitbucket.App{{Key: "a", Descriptor: own}}}, `key "example-app"`},
		"unknown app":        {bitbucket.State{Installations: []bitbucket.Installation{{AppKey: "a"}}}, `unknown app "a"`},
		"unknown linker":     {bitbucket.State{Apps: known, Installations: []bitbucket.Installation{{AppKey: appKey, Values: map[string][]string{"nope": {"A"}}}}}, `unknown linker "nope"`},
		"invalid value":      {bitbucket.State{Apps: known, Installations: []bitbucket.Installation{{AppKey: appKey, Values: map[string][]string{"issues": {"A B"}}}}}, `"A B"`},
		"invalid descriptor": {bitbucket.State{Apps: known, Installations: []bitbucket.Installation{{AppKey: appKey, Descriptor: []byte(`{}`)}}}, "required"},
	} {
		err := bitbucket.New(bitbucket.Options{}).Seed(test.state)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v does not mention %q", name, err, test.want)
		}
	}
}

func TestSeedingAnAppAgainReachesItsInstallations(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{}), newApp(t)
	key := r.install(a, "first").ClientKey
	r.seed(bitbucket.State{Apps: []bitbucket.App{{
		Key: appKey, Secret: "registered-now", Descriptor: bitbucket.Descriptor(appKey, baseURL),
	}}})
	if _, err := r.sim.Uninstall(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	got, _ := a.last()
	r.signedBy(got, "registered-now", "/uninstalled")
}

func TestResetForgetsEverything(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{List: bitbucket.ListMinimal})
	r.sim.Configure(func(s *bitbucket.Switches) { s.Removed = bitbucket.RemovedGone })
	r.sim.Faults().Add(fault.Any(), fault.Always(), fault.Respond(500, nil, ""))
	r.want(http.StatusInternalServerError, request{method: "GET", path: "/2.0/addon/linkers"})
	r.sim.Reset()
	if diff := cmp.Diff(bitbucket.State{}, r.sim.Snapshot()); diff != "" {
		t.Error(diff)
	}
	if got := r.sim.Switches(); got != (bitbucket.Switches{List: bitbucket.ListMinimal}) {
		t.Errorf("switches are %+v", got)
	}
	if got := r.sim.Faults().Total(); got != 0 {
		t.Errorf("%d calls are still counted", got)
	}
	r.want(http.StatusUnauthorized, request{method: "GET", path: "/2.0/addon/linkers"})
}

// A fleet of workspaces with the same thousand values:
// what they share must be kept once.
//
// Not parallel: it measures the heap.
func TestEqualValuesAreKeptOnce(t *testing.T) {
	const workspaces = 2_000
	values := make([]string, 1000)
	for i := range values {
		values[i] = fmt.Sprintf("PROJECT-%d", i)
	}
	state := bitbucket.State{Apps: []bitbucket.App{{Key: appKey, Descriptor: bitbucket.Descriptor(appKey, baseURL, "issues")}}}
	for i := range workspaces {
		state.Installations = append(state.Installations, bitbucket.Installation{
			AppKey: appKey, ClientKey: fmt.Sprintf("connection:%d", i), SharedSecret: secret,
			Principal: bitbucket.Principal{UUID: uuid}, Values: map[string][]string{"issues": values},
		})
	}
	before := heap()
	sim := bitbucket.New(bitbucket.Options{})
	if err := sim.Seed(state); err != nil {
		t.Fatal(err)
	}
	perWorkspace := (heap() - before) / workspaces
	t.Logf("%d bytes for each of %d workspaces", perWorkspace, workspaces)
	// A copy of the values would be 24,000 bytes.
	if perWorkspace > 2000 {
		t.Errorf("each workspace takes %d bytes", perWorkspace)
	}
	runtime.KeepAlive(sim)
	runtime.KeepAlive(state)
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestInstallationsThatShareValuesChangeApart(t *testing.T) {
	t.Parallel()
	r := newRig(t, bitbucket.Switches{})
	other := "connection:1"
	r.seed(bitbucket.State{Installations: []bitbucket.Installation{
		{AppKey: appKey, ClientKey: other, SharedSecret: secret, Values: map[string][]string{"issues": {"A", "B"}}},
		{AppKey: appKey, ClientKey: clientKey, SharedSecret: secret, Values: map[string][]string{"issues": {"A", "B"}}},
	}})
	r.post(valuesURL, `{"value":"C"}`)
	in, _ := r.sim.Installation(other)
	if diff := cmp.Diff([]string{"A", "B"}, in.Values["issues"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"A", "B", "C"}, r.values()); diff != "" {
		t.Error(diff)
	}
}

// Everything at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	r, a := newRig(t, bitbucket.Switches{HourlyBudget: 100_000}), newApp(t)
	request := func(method, path, body string) {
		q := request{method: method, path: path, body: body}
		httpRequest := httptest.NewRequest(method, path, strings.NewReader(body))
		httpRequest.Header.Set("Content-Type", "application/json")
		httpRequest.Header.Set("Authorization", "JWT "+r.token(q))
		r.sim.ServeHTTP(httptest.NewRecorder(), httpRequest)
	}
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for n := range 25 {
				request("POST", valuesURL, fmt.Sprintf(`{"value":"V%d-%d"}`, i, n))
				request("GET", valuesURL, "")
				request("PUT", "/2.0/addon", `{"descriptor":`+string(bitbucket.Descriptor(appKey, baseURL, "issues"))+`}`)
				r.sim.Configure(func(s *bitbucket.Switches) { s.Put = bitbucket.PutMode(n % 2) })
				r.sim.Snapshot()
				if _, err := r.sim.Install(t.Context(), fresh(a, fmt.Sprintf("secret-%d-%d", i, n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := len(r.values()); got != 100 {
		t.Errorf("%d values, want 100", got)
	}
}
