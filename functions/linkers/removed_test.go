package main

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

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
