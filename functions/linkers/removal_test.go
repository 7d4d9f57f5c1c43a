package main

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/shared/rollout"
)

// front stands before Bitbucket: answer may take a request over, which is anonymous when
// the client key is empty.
func (w *world) front(answer func(rw http.ResponseWriter, r *http.Request, clientKey string) bool) {
	target, err := url.Parse(w.handler.worker.apiURL)
	w.must(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		claims := ""
		if parts := strings.Split(r.Header.Get("Authorization"), "."); len(parts) == 3 {
			decoded, _ := base64.RawURLEncoding.DecodeString(parts[1])
			claims = string(decoded)
		}
		if !answer(rw, r, claims) {
			proxy.ServeHTTP(rw, r)
		}
	}))
	w.t.Cleanup(server.Close)
	w.handler.worker.apiURL = server.URL
	w.probeAt(server.URL)
}

func respond(rw http.ResponseWriter, status int, body string) bool {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write([]byte(body))
	return true
}

const (
	brownout = `{"type":"error","error":{"message":"CHANGE-3081 - Functionality has been deprecated"}}`
	noAPI    = `{"type":"error","error":{"message":"Resource not found","detail":"There is no API hosted at this URL."}}`
	incident = `{"type":"error","error":{"message":"No workspace with identifier 'example'."}}`
)

// TestWhatIsNoEvidence: such an answer concerns its own message, and no other waits.
func TestWhatIsNoEvidence(t *testing.T) {
	t.Parallel()
	next := func(host, path string) string {
		return `{"pagelen":1,"size":2,"values":["OLD"],"next":"http://` + host + path + `"}`
	}
	for name, answer := range map[string]func(rw http.ResponseWriter, r *http.Request) bool{
		"a next link with & for ?": func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "&") {
				return respond(rw, 404, noAPI)
			}
			return respond(rw, 200, next(r.Host, "/2.0/addon/linkers/issues/values&page=2"))
		},
		"a second page that is gone": func(rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("page") == "2" {
				return respond(rw, 410, brownout)
			}
			return respond(rw, 200, next(r.Host, "/2.0/addon/linkers/issues/values?page=2"))
		},
		"a 404 about a workspace": func(rw http.ResponseWriter, _ *http.Request) bool { return respond(rw, 404, incident) },
		"a 404 without words":     func(rw http.ResponseWriter, _ *http.Request) bool { return respond(rw, 404, "") },
		"a 429":                   func(rw http.ResponseWriter, _ *http.Request) bool { return respond(rw, 429, "") },
		"a 401":                   func(rw http.ResponseWriter, _ *http.Request) bool { return respond(rw, 401, "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 4)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", 4)
			w.front(func(rw http.ResponseWriter, r *http.Request, claims string) bool {
				return (strings.Contains(claims, workspace(1)) || strings.Contains(claims, workspace(2))) && r.Method == http.MethodGet && answer(rw, r)
			})
			for i := 1; i <= 4; i++ {
				w.batch(t.Context(), record("m", message(i), 1))
			}
			if state, err := w.handler.table.Removal(t.Context(), appKey); state.IsSuspected() || state.IsStopped() || err != nil {
				t.Errorf("state %v, error %v", state, err)
			}
			if w.values(3) != "ONE" || w.values(4) != "ONE" {
				t.Errorf("others have %q %q", w.values(3), w.values(4))
			}
			if letters := w.aws.Queues.Messages(dead); len(letters) > 0 {
				t.Errorf("dead letters %+v", letters)
			}
		})
	}
}

// TestABrownoutEnds: messages wait while it lasts, one probe decides, and everything is
// done within a quarter of an hour after it.
func TestABrownoutEnds(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/brownout-410.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"announced": string(file), "no API": noAPI} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 4)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", 4)
			end, probes := w.now.Add(15*time.Minute), 0
			w.front(func(rw http.ResponseWriter, _ *http.Request, claims string) bool {
				if claims == "" {
					probes++
				}
				status := http.StatusGone
				if body == noAPI {
					status = http.StatusNotFound
				}
				return w.now.Before(end) && respond(rw, status, body)
			})
			w.untilDone(4, end.Add(15*time.Minute))
			for i := 1; i <= 4; i++ {
				if w.values(i) != "ONE" {
					t.Errorf("workspace %d has %q at %s", i, w.values(i), w.now)
				}
			}
			if probes > 8 {
				t.Errorf("%d probes", probes)
			}
			run, err := w.handler.table.Run(t.Context(), "run-1")
			if err != nil || run.Changed != 4 || run.Phase != rollout.Done || len(w.aws.Queues.Messages(dead)) != 0 || strings.Contains(w.out.String(), `"level":"ERROR"`) {
				t.Errorf("run %+v, error %v\n%s", run, err, w.out)
			}
		})
	}
}

// TestARemovalIsNoticed once and loudly, after a day of the same answer, and the next
// good probe takes it back.
func TestARemovalIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.desire(rollout.DefaultScope, "ONE")
	w.run("run-1", 3)
	gone := true
	w.front(func(rw http.ResponseWriter, _ *http.Request, _ string) bool {
		return gone && respond(rw, 410, brownout)
	})
	begun := w.now
	w.untilDone(3, begun.Add(25*time.Hour))
	state, err := w.handler.table.Removal(t.Context(), appKey)
	if err != nil || !state.IsStopped() || state.Stopped.Sub(begun) < 24*time.Hour || w.metric("EndpointRemoved") != 1 || strings.Count(w.out.String(), "linker updates stop") != 1 {
		t.Errorf("state %s, error %v, metric %d", state, err, w.metric("EndpointRemoved"))
	}
	run, err := w.handler.table.Run(t.Context(), "run-1")
	if err != nil || run.Skipped != 3 || run.Phase != rollout.Done || len(w.aws.Queues.Messages(dead)) != 0 {
		t.Errorf("run %+v, error %v; want it to end", run, err)
	}
	gone = false
	w.now = w.now.Add(time.Hour)
	w.batch(t.Context(), record("m", message(1), 1))
	if state, err = w.handler.table.Removal(t.Context(), appKey); err != nil || state.IsStopped() || w.values(1) != "ONE" {
		t.Errorf("state %s, error %v, values %q; want work to go on", state, err, w.values(1))
	}
}

// untilDone plays SQS with messages for installations 1 to count: each comes back after
// the time that the handler made it wait.
func (w *world) untilDone(count int, end time.Time) {
	w.t.Helper()
	due, receives := map[int]time.Time{}, map[int]int{}
	for i := 1; i <= count; i++ {
		due[i] = w.now
	}
	for ; len(due) > 0 && !w.now.After(end); w.now = w.now.Add(10 * time.Second) {
		for i, at := range due {
			if at.After(w.now) {
				continue
			}
			receives[i]++
			if again := w.batch(w.t.Context(), record(clientKey(i), message(i), receives[i])); len(again) == 0 {
				delete(due, i)
				continue
			}
			due[i] = w.now.Add(w.waits[len(w.waits)-1])
		}
	}
	if len(due) > 0 {
		w.t.Errorf("%d messages are not done at %s", len(due), end)
	}
}
