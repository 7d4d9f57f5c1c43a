package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/rollout"
)

// unknownTo makes Bitbucket answer the workspaces' calls with a 404 that says
// nothing about the endpoint, as for a workspace that was deleted.
func (w *world) unknownTo(workspaces ...string) {
	target, err := url.Parse(w.handler.worker.apiURL)
	w.must(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(r.Header.Get("Authorization"), ".")[1])
		if err != nil {
			w.t.Errorf("no JWT: %v", err)
		}
		for _, workspace := range workspaces {
			if strings.Contains(string(claims), workspace) {
				rw.Header().Set("Content-Type", "application/json")
				rw.WriteHeader(http.StatusNotFound)
				_, _ = rw.Write([]byte(`{"type":"error","error":{"message":"No such workspace"}}`))
				return
			}
		}
		proxy.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(server.Close)
	w.handler.worker.apiURL = server.URL
}

// TestARunSurvivesTheStopFlag that goes up in the middle of it and is taken down
// again: what came meanwhile is skipped, the rest is done, and the run ends.
func TestARunSurvivesTheStopFlag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.desire(rollout.DefaultScope, "ONE")
	w.run("run-1", 3)
	w.batch(t.Context(), record("a", message(1), 1))
	_, err := w.handler.table.SetStop(t.Context(), appKey, "410 from Bitbucket")
	w.must(err)
	w.batch(t.Context(), record("b", message(2), 1))
	_, err = dynamodb.NewFromConfig(w.aws.Config()).DeleteItem(t.Context(), &dynamodb.DeleteItemInput{ // as docs/operate.md says
		TableName: sdk.String("progress"), Key: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "stop#" + appKey}},
	})
	w.must(err)
	w.batch(t.Context(), record("c", message(3), 1))
	if got := [3]string{w.values(1), w.values(2), w.values(3)}; got != [3]string{"ONE", "OLD", "ONE"} {
		t.Errorf("values %q", got)
	}
	run, err := w.handler.table.Run(t.Context(), "run-1")
	if err != nil || run.Phase != rollout.Done || run.Changed != 2 || run.Skipped != 1 || w.finished() != 1 {
		t.Errorf("run %+v, error %v, %d events", run, err, w.finished())
	}
}

// TestAManifestThatIsGoneDeletesNothing, not even when it goes while it is applied;
// a workspace's own makes way for the default one.
func TestAManifestThatIsGoneDeletesNothing(t *testing.T) {
	t.Parallel()
	own := rollout.WorkspaceScope(workspace(1))
	for name, test := range map[string]struct {
		scopes []string
		gone   string
		want   string
		is     rollout.Outcome
	}{
		"the only one":   {[]string{rollout.DefaultScope}, rollout.DefaultScope, "WRITTEN", rollout.Skipped},
		"its own":        {[]string{rollout.DefaultScope, own}, own, "DEFAULT", rollout.Changed},
		"one that isn't": {[]string{own}, rollout.DefaultScope, "WRITTEN", rollout.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			for _, scope := range test.scopes {
				w.desire(scope, "DEFAULT")
			}
			w.desire(test.scopes[len(test.scopes)-1], "WRITTEN")
			bucket := s3.NewFromConfig(w.aws.Config(), func(o *s3.Options) { o.UsePathStyle = true })
			var once sync.Once
			w.handler.worker.http.Transport = hook{w.handler.worker.http.Transport, func(r *http.Request) {
				if r.Method != http.MethodGet {
					once.Do(func() {
						_, err := bucket.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: sdk.String("manifests"), Key: &test.gone})
						w.must(err)
					})
				}
			}}
			w.batch(t.Context(), record("a", message(1), 1))
			if got := w.values(1); got != test.want || len(w.applied()) != 1 || w.applied()[0].Outcome != test.is {
				t.Errorf("values %q, events %+v; want %s, %s", got, w.applied(), test.want, test.is)
			}
			w.checkBuried("")
		})
	}
}

// TestADeletedWorkspaceStopsNobodyElse: its owner would decide over everybody's updates.
func TestADeletedWorkspaceStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		unknown []string
		batches [][]int
		stopped bool
	}{
		"alone in its batch":                    {[]string{workspace(1)}, [][]int{{1}, {2, 3}}, false},
		"among others":                          {[]string{workspace(1)}, [][]int{{1, 2, 3}}, false},
		"twice in a batch":                      {[]string{workspace(1)}, [][]int{{1, 1}, {2, 3}}, false},
		"two among others":                      {[]string{workspace(1), workspace(2)}, [][]int{{1, 2, 3}}, false},
		"all that are asked, whatever it means": {[]string{workspace(1), workspace(2)}, [][]int{{1, 2}, {3}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 3)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", 3)
			w.unknownTo(test.unknown...)
			for _, batch := range test.batches {
				var records []events.SQSMessage
				for at, i := range batch {
					records = append(records, record(string(rune('a'+at)), message(i), 1))
				}
				if again := w.batch(t.Context(), records...); len(again) != 0 {
					t.Errorf("again %v", again)
				}
			}
			_, up, err := w.handler.table.Stopped(t.Context(), appKey)
			if err != nil || up != test.stopped {
				t.Errorf("stopped %t, want %t; error %v", up, test.stopped, err)
			}
			want := "ONE"
			if test.stopped {
				want = "OLD"
			}
			if got := w.values(3); got != want {
				t.Errorf("values of another workspace: %q, want %q", got, want)
			}
			run, err := w.handler.table.Run(t.Context(), "run-1")
			if err != nil || run.Phase != rollout.Done {
				t.Errorf("run %+v, error %v", run, err)
			}
			if failed := len(test.unknown); !test.stopped && run.Failed != failed {
				t.Errorf("%d failed, want %d", run.Failed, failed)
			}
		})
	}
}

// TestAnUpdateOfTheAppStopsNobody: the stop flag is about the linkers' endpoints.
func TestAnUpdateOfTheAppStopsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.bitbucket.Faults().Add(fault.Any(), fault.Always(), fault.Respond(http.StatusGone, nil, ""))
	first, second := message(1), message(2)
	first.Task, second.Task = rollout.TaskAddon, rollout.TaskAddon
	w.batch(t.Context(), record("a", first, 1), record("b", second, 1))
	if stop, up, err := w.handler.table.Stopped(t.Context(), appKey); up || err != nil {
		t.Errorf("stopped %+v, error %v", stop, err)
	}
}

// TestAStopThatCannotBeRaised is told, and nobody is told that all updates stop.
func TestAStopThatCannotBeRaised(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	w.bitbucket.Configure(func(s *simbitbucket.Switches) { s.Removed = simbitbucket.RemovedGone })
	w.aws.Faults.Add(fault.Target("UpdateItem"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
	w.batch(t.Context(), record("a", message(1), 1))
	if log := w.out.String(); !strings.Contains(log, "stop flag not raised") || strings.Contains(log, "all updates stop for a day") {
		t.Errorf("log %s", log)
	}
}

// TestWhoFindsTheEndpointGone decides whether everything stops: each sequence is what
// the messages of a batch ended with, one after the other.
func TestWhoFindsTheEndpointGone(t *testing.T) {
	t.Parallel()
	announced := bitbucketAnswers(http.StatusGone, "")
	vague := fmt.Errorf("linker issues: %w", &bitbucket.APIError{Status: http.StatusNotFound, Removed: true})
	plain := fmt.Errorf("linker issues: %w", bitbucket.ErrEndpointRemoved)
	limited := bitbucketAnswers(http.StatusTooManyRequests, "")
	for name, test := range map[string]struct {
		errs            []error
		learned, closed bool
	}{
		"nobody":                           {[]error{nil, limited}, false, false},
		"one, in Bitbucket's words":        {[]error{nil, announced}, true, true},
		"one, who may be a deleted one":    {[]error{vague}, false, false},
		"two, and no other":                {[]error{vague, plain}, false, true},
		"two, and one who can't tell":      {[]error{vague, limited, plain}, false, true},
		"two, after one who found it":      {[]error{nil, vague, limited, plain}, false, false},
		"two, before one who found it":     {[]error{vague, plain, nil}, false, false},
		"one, between two who can't tell":  {[]error{limited, plain, limited}, false, false},
		"one among others who can't tell":  {[]error{limited, vague, limited}, false, false},
		"all, in Bitbucket's words and no": {[]error{vague, announced, plain}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gate{lost: map[string]error{}}
			learned := false
			for i, err := range test.errs {
				learned = g.learn(clientKey(i), err) || learned
			}
			concluded := g.conclude() != nil
			if learned != test.learned || concluded != (test.closed && !test.learned) || (g.closed != nil) != test.closed {
				t.Errorf("learned %v, concluded %v, closed for %v", learned, concluded, g.closed)
			}
		})
	}
}
