package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	siminfisical "github.com/linkersync/linkersync/internal/simulator/infisical"
)

// What is asked about the users of connections, of the organization and of a project.
var (
	callSyncs = []string{"GET projects?type=secret-manager", "GET secret-syncs/bitbucket?projectId=" + project}
	callUsers = append(callSyncs, "GET projects?type=secret-scanning", "GET /api/v2/secret-scanning/data-sources/bitbucket?projectId="+project)
)

const scanProject = "bbbbbbbb-0000-4000-8000-000000000002"

// useIt puts two syncs, whose runs take a minute, and a data source onto the connection.
func (w *world) useIt() {
	w.t.Helper()
	w.infisical.SetRunTime(time.Minute)
	id := w.infisical.Snapshot().Connections[0].ID
	sync := func(name string) siminfisical.Sync {
		return siminfisical.Sync{
			ID: "dddddddd-0000-4000-8000-00000000000" + name, Name: "sync-" + name, ProjectID: project, ConnectionID: id, Environment: "prod", SecretPath: "/",
			Status: "failed", Message: "the token\x1b[31m ended", Destination: siminfisical.Destination{Workspace: "acme", Repository: "app-" + name},
		}
	}
	state := w.infisical.Snapshot()
	state.Identities[0].Projects[scanProject] = siminfisical.Everything()
	w.must(w.infisical.Seed(siminfisical.State{
		Projects:   []siminfisical.Project{{ID: scanProject, OrgID: "org", Name: "Scans", Type: "secret-scanning"}},
		Identities: state.Identities, Syncs: []siminfisical.Sync{sync("1"), sync("2")},
		DataSources: []siminfisical.DataSource{{
			ID: "eeeeeeee-0000-4000-8000-000000000001", Name: "all", ProjectID: scanProject, ConnectionID: id,
			Scans: []siminfisical.Scan{{ID: "1", Status: "completed", CreatedAt: today.AddDate(0, 0, -2)}, {ID: "2", Status: "failed", Message: "401", CreatedAt: today}},
		}},
	}))
}

// looks are the bodies of the messages in the sync queue, and their delays.
func (w *world) looks() (bodies []string, delays []time.Duration) {
	for _, message := range w.aws.Queues.Messages("syncs") {
		bodies, delays = append(bodies, message.Body), append(delays, time.Until(message.VisibleAt).Round(time.Minute))
	}
	return bodies, delays
}

// TestARotationRunsTheSyncs that failed with the old token, and only the rotation does:
// the writes for the connection and one trigger for each sync, within one invocation.
func TestARotationRunsTheSyncs(t *testing.T) {
	t.Parallel()
	w, h, _ := rotatedWorld(t)
	w.useIt()
	if _, err := w.deliver(h); err != nil {
		t.Fatal(err)
	}
	want := sorted([]string{callLogin, callList, callWrite, callWrite}, callSyncs, []string{callRevoke})
	var got []string
	for _, call := range w.calls("infisical") {
		if !strings.HasSuffix(call, "/sync-secrets") {
			got = append(got, call)
		}
	}
	if diff := cmp.Diff(want, sorted(got)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for _, sync := range w.infisical.Snapshot().Syncs {
		if sync.Status != "pending" {
			t.Errorf("%s is %s", sync.Name, sync.Status)
		}
	}
	if _, err := w.deliver(h); err != nil {
		t.Fatal(err)
	}
	if calls := w.calls("infisical"); len(calls) != 3 {
		t.Errorf("the same event again: %v", calls)
	}
	if bodies, delays := w.looks(); len(bodies) != 1 || delays[0] != time.Minute || strings.Contains(bodies[0], newToken) {
		t.Errorf("messages %v, in %v", bodies, delays)
	}
}

// TestSyncsThatCanNotBeFound after a rotation are not passed over in silence.
func TestSyncsThatCanNotBeFound(t *testing.T) {
	t.Parallel()
	w, h, _ := rotatedWorld(t)
	w.useIt()
	w.infisical.Faults().Add(fault.Path(http.MethodGet, "/secret-syncs/bitbucket$"), fault.Always(), fault.Respond(http.StatusServiceUnavailable, nil, ""))
	if _, err := w.deliver(h); err == nil || !strings.Contains(err.Error(), "not all of its syncs could be found") || w.stored("ci") != newToken {
		t.Errorf("got %v", err)
	}
}

// TestHowARunEnds is looked at by messages: a bounded number of times, and what failed
// has its repository and reason in the log and counts for the alarm.
func TestHowARunEnds(t *testing.T) {
	t.Parallel()
	down := func(w *world) {
		w.infisical.Faults().Add(fault.Match{Path: regexp.MustCompile(".")}, fault.Always(), fault.Respond(http.StatusServiceUnavailable, nil, ""))
	}
	tests := map[string]struct {
		// before changes the world before the rotation, after before the look.
		before, after func(w *world)
		looks         int
		failed        int
		says          string
		again         bool
	}{
		"they succeed": {},
		"they fail": {
			after: func(w *world) {
				w.must(w.bitbucket.Seed(simbitbucket.State{Users: []simbitbucket.User{{Email: email}}}))
			},
			failed: 2, says: `sync "sync-1" to acme/app-1 failed (it never succeeded): {"error":`,
		},
		"they take long":               {before: func(w *world) { w.infisical.SetRunTime(time.Hour) }, again: true},
		"they never end":               {before: func(w *world) { w.infisical.SetRunTime(time.Hour) }, looks: maxLooks - 1, failed: 2, says: "not over after an hour and a half"},
		"Infisical is down":            {after: down, again: true},
		"Infisical is down to the end": {after: down, looks: maxLooks - 1, failed: 2, says: "how its run ended can't be read: "},
		"a run of before is under way": {before: func(w *world) {
			w.infisical.Faults().Add(fault.Path(http.MethodPost, "sync-secrets$"), fault.First(2), fault.Respond(http.StatusBadRequest, nil,
				`{"statusCode":400,"error":"BadRequest","message":"A job for this sync is already in progress. Please try again shortly."}`))
		}, again: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, h, out := rotatedWorld(t)
			w.useIt()
			if test.before != nil {
				test.before(w)
			}
			if _, err := w.deliver(h); err != nil {
				t.Fatal(err)
			}
			if test.after != nil {
				test.after(w)
			}
			w.pass(2 * time.Minute)
			bodies, _ := w.looks()
			body := strings.TrimSuffix(bodies[0], "}") + fmt.Sprintf(`,"before":%d}`, test.looks)
			if failures := invoke(t, h, body); failures != 0 {
				t.Fatalf("the message comes back:\n%s", out)
			}
			bodies, delays := w.looks()
			if again := len(bodies) == 2 && delays[1] == 2*time.Minute; again != test.again || !again && len(bodies) != 1 {
				t.Errorf("messages %v, in %v", bodies, delays)
			}
			if got := out.count(t, "SyncsFailed"); got != test.failed {
				t.Errorf("SyncsFailed is %d, want %d\n%s", got, test.failed, out)
			}
			if lines := out.lines(t, "sync failed"); len(lines) != test.failed || test.failed > 0 && !strings.Contains(fmt.Sprint(lines[0]["error"], lines[1]["error"]), test.says) {
				t.Errorf("logged %v, want %q", lines, test.says)
			}
		})
	}
}

// invoke delivers one message, and returns how many came back.
func invoke(t *testing.T, h *handler, body string) int {
	t.Helper()
	raw, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: body}}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.Invoke(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.(events.SQSEventResponse).BatchItemFailures)
}

// TestMessagesThatAreNotOurs come back, and so reach the dead-letter queue.
func TestMessagesThatAreNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, _ := w.start()
	for _, body := range []string{"", "{}", "null", `{"connection":"ci","before":-1}`, `{"connection":"ci","before":9}`, `{"connection":"ci","before":10}`, `{"connection":1}`} {
		if invoke(t, h, body) != 1 {
			t.Errorf("%q is taken", body)
		}
	}
}

// TestTheDailyCheckTellsWhatFails with a connection that is as it should be. Doing the
// check again would mend nothing, so it is no failure of the invocation.
func TestTheDailyCheckTellsWhatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("bitbucket/ci", value(nil))
	h, out := w.start()
	if _, err := h.Handle(t.Context(), event(t, "scheduled")); err != nil {
		t.Fatal(err)
	}
	w.useIt()
	got, err := h.Handle(t.Context(), event(t, "scheduled"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`connection "ci": sync "sync-1" to acme/app-1 failed (it never succeeded): the token [31m ended`,
		`connection "ci": sync "sync-2" to acme/app-2 failed`, `connection "ci": the newest scan of data source "all" failed: 401`,
	} {
		if text := strings.Join(got.FailedSyncs, "\n"); !strings.Contains(text, want) {
			t.Errorf("%v\nlacks %q", text, want)
		}
	}
	if failed := out.count(t, "SyncsFailed"); failed != 3 {
		t.Errorf("SyncsFailed is %d", failed)
	}
	lines := out.lines(t, "connection in use")
	if last := lines[len(lines)-1]; last["syncs"] != "at least 2 syncs" || last["data_sources"] != 1.0 {
		t.Errorf("logged %v", last)
	}
}
