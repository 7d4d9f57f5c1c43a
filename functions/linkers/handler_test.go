package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/startup"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/rollout"
)

func TestBatchAppliesReportsAndFinishesTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.desire(rollout.DefaultScope, "ONE", "TWO")
	w.desire(rollout.WorkspaceScope(workspace(2)), "OWN")
	w.run("run-1", 2)
	answer, err := w.handler.Handle(t.Context(), w.event("batch"))
	if err != nil || len(answer.(events.SQSEventResponse).BatchItemFailures) != 0 {
		t.Fatalf("answer %+v, error %v", answer, err)
	}
	if got := [2]string{w.values(1), w.values(2)}; got != [2]string{"ONE TWO", "OWN"} {
		t.Errorf("values %q", got)
	}
	for _, applied := range w.applied() {
		if applied.Run != "run-1" || applied.Outcome != rollout.Changed || applied.Workspace == "" || len(applied.Linkers) != 1 || applied.Linkers[0].Removed != 1 {
			t.Errorf("event %+v", applied)
		}
	}
	run, err := w.handler.table.Run(t.Context(), "run-1")
	if err != nil || run.Phase != rollout.Done || run.Changed != 2 || w.finished() != 1 || len(w.applied()) != 2 {
		t.Errorf("run %+v, error %v, %d events, %d finished", run, err, len(w.applied()), w.finished())
	}
	for name, want := range map[string]int{"InstallationsChanged": 2, "ValuesAdded": 3, "ValuesRemoved": 2, "InstallationsFailed": 0} {
		if got := w.metric(name); got != want {
			t.Errorf("metric %s is %d, want %d", name, got, want)
		}
	}
	// The same messages again: read, and nothing else; the run stays as it is.
	heads := w.aws.Faults.Count(fault.Path(http.MethodHead, ""))
	w.bitbucket.Faults().ResetCalls()
	if again := w.batch(t.Context(), record("m-1", message(1), 1), record("m-2", message(2), 1)); len(again) != 0 {
		t.Errorf("again %v", again)
	}
	if calls := w.bitbucket.Faults().Calls(); len(calls) != 2 || calls[0].Method != http.MethodGet {
		t.Errorf("calls %v, want one read for each", calls)
	}
	if asked := w.aws.Faults.Count(fault.Path(http.MethodHead, "")); asked != heads {
		t.Errorf("who wrote nothing asked %d times whether the manifest is current", asked-heads)
	}
	if after, err := w.handler.table.Run(t.Context(), "run-1"); err != nil || after != run || w.finished() != 1 || strings.Count(w.out.String(), "run finished") != 1 {
		t.Errorf("run %+v became %+v, error %v, %d finished, log %s", run, after, err, w.finished(), w.out)
	}
}

// TestFates shows what becomes of a message for each kind of trouble.
func TestFates(t *testing.T) {
	t.Parallel()
	limited := message(1)
	limited.Deferred = 3
	addon := message(1)
	addon.Task = rollout.TaskAddon
	old := message(1)
	old.Since = today.Add(-25 * time.Hour)
	old.Deferred = maxRepeats
	aged := message(1)
	aged.Since = today.Add(-maxAge)
	undated := message(1)
	undated.Since = time.Time{}
	for name, test := range map[string]struct {
		fault   *fault.Effect
		prepare func(w *world)
		message any
		again   int
		queued  int // how often it was put back, 0 when it was not
		buried  string
		outcome rollout.Outcome
	}{
		"rate limited":                     {fault: effect(simbitbucket.RateLimited()), message: message(1), queued: 1},
		"rate limited again":               {fault: effect(simbitbucket.RateLimited()), message: limited, queued: 4},
		"rate limited for more than a day": {fault: effect(simbitbucket.RateLimited()), message: old, buried: "rate limit", outcome: rollout.Failed},
		"Bitbucket fails":                  {fault: effect(fault.Respond(500, nil, "oops")), message: message(1), queued: 1},
		"Bitbucket is slow":                {fault: effect(fault.Respond(504, nil, "")), message: message(1), queued: 1},
		"connections break":                {fault: effect(fault.Reset()), message: message(1), queued: 1},
		"the secret is wrong":              {fault: effect(fault.Respond(401, nil, "")), message: message(1), queued: 1},
		"forbidden":                        {fault: effect(fault.Respond(403, nil, "")), message: message(1), buried: "403", outcome: rollout.Failed},
		"an unknown linker": {prepare: func(w *world) {
			_, err := w.handler.worker.desired.Objects.Put(w.t.Context(), "default.yaml", []byte("version: 1\nlinkers:\n  - {key: nothing, values: [A]}\n"))
			w.must(err)
		}, message: message(1), buried: "linker nothing", outcome: rollout.Failed},
		"a manifest that isn't valid": {prepare: func(w *world) {
			_, err := w.handler.worker.desired.Objects.Put(w.t.Context(), "default.yaml", []byte("version: 7\n"))
			w.must(err)
		}, message: message(1), buried: "refused", outcome: rollout.Failed},
		"a prune that is too large": {prepare: func(w *world) {
			w.must(w.bitbucket.Seed(simbitbucket.State{Installations: []simbitbucket.Installation{{
				AppKey: appKey, ClientKey: clientKey(1), SharedSecret: secret, Status: simbitbucket.Installed,
				Principal: simbitbucket.Principal{UUID: workspace(1)}, Values: map[string][]string{"issues": strings.Fields("A B C D E F G H I J K L M")},
			}}}))
		}, message: message(1), buried: "prune", outcome: rollout.Failed},
		"values that Bitbucket refuses": {prepare: func(w *world) {
			for _, method := range []string{http.MethodPut, http.MethodPost} {
				w.bitbucket.Faults().Add(fault.Path(method, "/values$"), fault.Always(), fault.Respond(400, nil, ""))
			}
		}, message: message(1), buried: "Bitbucket refused it", outcome: rollout.Failed},
		"an app that can't be updated any more": {fault: effect(fault.Respond(410, nil, "")), message: addon, buried: "can take no update", outcome: rollout.Failed},
		"not a message":                         {message: "hello", buried: "not as documented"},
		"an unknown task":                       {message: `{"client_key":"x","task":"everything"}`, buried: "no task that is known"},
		"without a client key":                  {message: `{"task":"values"}`, buried: "names no client key"},
		"an unknown workspace":                  {message: message(9), outcome: rollout.Skipped},
		"uninstalled": {prepare: func(w *world) {
			in, err := w.store.Get(w.t.Context(), clientKey(1))
			w.must(err)
			in.State = "uninstalled"
			_, err = w.store.Update(w.t.Context(), in, "uninstall")
			w.must(err)
		}, message: message(1), outcome: rollout.Skipped},
		"uninstalled, and about to be deleted": {prepare: func(w *world) {
			in, err := w.store.Get(w.t.Context(), clientKey(1))
			w.must(err)
			in.State = installation.Uninstalled
			in, err = w.store.Update(w.t.Context(), in, "uninstall")
			w.must(err)
			w.must(w.store.Purge(w.t.Context(), in, installation.MinRecovery))
		}, message: message(1), outcome: rollout.Skipped},
		"the store is away": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("GetSecretValue"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, message: message(1), queued: 1},
		"its own manifest can't be read": {prepare: func(w *world) { // the default one may delete what its own lists
			w.aws.Faults.Add(fault.Path(http.MethodGet, "/installations/"), fault.Always(), fault.AWSError(403, "AccessDenied", ""))
		}, message: message(1), queued: 1},
		"nobody can tell whether the manifest is current": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Path(http.MethodHead, ""), fault.Always(), fault.AWSError(403, "AccessDenied", ""))
		}, message: message(1), queued: 1},
		"the bus is away": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("PutEvents"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, message: message(1), queued: 1},
		"the bus is away, for a day": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("PutEvents"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, message: aged, again: 1},
		"the bus is away, without a date": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("PutEvents"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, message: undated, queued: 1},
		"the table is away": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("GetItem"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, message: message(1), queued: 1},
		"the run can't be reported": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("TransactWriteItems"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, message: message(1), queued: 1, outcome: rollout.Changed},
		"rate limited, and the queue is away": {fault: effect(simbitbucket.RateLimited()), prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("SendMessage"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, message: message(1), again: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", 5)
			if test.prepare != nil {
				test.prepare(w)
			}
			if test.fault != nil {
				w.bitbucket.Faults().Add(fault.Any(), fault.Always(), *test.fault)
			}
			if again := w.batch(t.Context(), record("m-1", test.message, maxUnanswered)); len(again) != test.again {
				t.Errorf("SQS shall deliver again: %v, want %d", again, test.again)
			}
			w.checkQueued(test.queued)
			w.checkBuried(test.buried)
			var outcomes []rollout.Outcome
			level := slog.LevelWarn
			for _, applied := range w.applied() {
				outcomes = append(outcomes, applied.Outcome)
				switch applied.Outcome {
				case rollout.Failed:
					level = slog.LevelError
				case rollout.Skipped:
					level = slog.LevelInfo
				}
				if applied.Outcome != rollout.Changed && (applied.Reason == "" || !strings.Contains(applied.Reason, test.buried)) {
					t.Errorf("reason %q, want it to say %s", applied.Reason, test.buried)
				}
			}
			if told := `"level":"` + level.String() + `","msg":"message not applied"`; (test.fault != nil || level != slog.LevelWarn) && !strings.Contains(w.out.String(), told) {
				t.Errorf("the log lacks %s:\n%s", told, w.out)
			}
			var want []rollout.Outcome
			if test.outcome != "" {
				want = []rollout.Outcome{test.outcome}
			}
			if diff := cmp.Diff(want, outcomes); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s\n%s", diff, w.out)
			}
			if unheard := name == "the run can't be reported"; unheard != strings.Contains(w.out.String(), "run not updated") {
				t.Errorf("the log says that the run was not updated: %v", !unheard)
			}
			if strings.Contains(w.out.String(), secret) {
				t.Error("the log has the secret")
			}
		})
	}
}

func effect(e fault.Effect) *fault.Effect { return &e }

func (w *world) checkQueued(deferred int) {
	w.t.Helper()
	back := w.aws.Queues.Messages(workers)
	if (len(back) == 1) != (deferred > 0) {
		w.t.Fatalf("put back %v, want %d\n%s", back, deferred, w.out)
	}
	if deferred == 0 {
		return
	}
	var message rollout.Message
	w.must(json.Unmarshal([]byte(back[0].Body), &message))
	wait := time.Until(back[0].VisibleAt)
	most := min(maxDelay, firstDelay<<(deferred-1))
	if message.Deferred != deferred || !message.Since.Equal(today) || wait > most || wait < most/2-5*time.Second {
		w.t.Errorf("put back %+v for %v, want %d and %v to %v", message, wait, deferred, most/2, most)
	}
	if got := w.metric("MessagesDeferred"); got != 1 {
		w.t.Errorf("metric MessagesDeferred is %d", got)
	}
}

func (w *world) checkBuried(reason string) {
	w.t.Helper()
	letters := w.aws.Queues.Messages(dead)
	if (len(letters) == 1) != (reason != "") {
		w.t.Fatalf("dead letters %v, want one for %q\n%s", letters, reason, w.out)
	}
	if reason != "" && !strings.Contains(letters[0].Attributes["reason"], reason) {
		w.t.Errorf("reason %q, want %s", letters[0].Attributes["reason"], reason)
	}
}

func TestOneBadRecordDoesNotHoldBackItsBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.desire(rollout.DefaultScope, "ONE")
	w.run("run-1", 3)
	if again := w.batch(t.Context(), record("a", message(1), 1), record("b", "hello", 1), record("c", message(2), 1)); len(again) != 0 {
		t.Errorf("again %v", again)
	}
	if w.values(1) != "ONE" || w.values(2) != "ONE" {
		t.Errorf("values %q and %q", w.values(1), w.values(2))
	}
	w.checkBuried("not as documented")
}

// TestWhatIsNoMessageIsBuriedThoughTheBusIsAway: it has nothing to report, and putting
// it back would lose what it was.
func TestWhatIsNoMessageIsBuriedThoughTheBusIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	w.run("run-1", 1)
	w.aws.Faults.Add(fault.Target("PutEvents"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
	if again := w.batch(t.Context(), record("a", "hello", 1), record("b", message(1), 1)); len(again) != 0 {
		t.Errorf("again %v", again)
	}
	if run, err := w.handler.table.Run(t.Context(), "run-1"); err != nil || run.Reported() != 0 || !strings.Contains(w.out.String(), "results not sent") {
		t.Errorf("run %+v, error %v; want it told after the bus, which the log says is away", run, err)
	}
	w.checkQueued(1)
	w.checkBuried("not as documented")
	if letters := w.aws.Queues.Messages(dead); letters[0].Body != "hello" {
		t.Errorf("dead letter %q, want it as it came", letters[0].Body)
	}
}

// TestWorkThatComesToAnEndIsNotDeadly, whatever became of it: the deaths before were
// of another message.
func TestWorkThatComesToAnEndIsNotDeadly(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"rate limited": 0, "the table is away": maxUnanswered - 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.desire(rollout.DefaultScope, "ONE")
			w.bitbucket.Faults().Add(fault.Any(), fault.Always(), simbitbucket.RateLimited())
			if want > 0 {
				w.aws.Faults.Add(fault.Target("GetItem"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
			}
			w.batch(t.Context(), record("m", message(1), maxUnanswered))
			var back rollout.Message
			w.must(json.Unmarshal([]byte(w.aws.Queues.Messages(workers)[0].Body), &back))
			if back.Died != want || back.Deferred != 1 {
				t.Errorf("put back %+v, want %d deaths", back, want)
			}
		})
	}
}

func TestRemovedEndpointStopsEverythingOnce(t *testing.T) {
	t.Parallel()
	const fleet = 5 * parallel
	for name, removal := range map[string]simbitbucket.Removal{"410": simbitbucket.RemovedGone, "404": simbitbucket.RemovedNotFound} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fleet)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", fleet)
			w.bitbucket.Configure(func(s *simbitbucket.Switches) { s.Removed = removal })
			var records []events.SQSMessage
			for i := 1; i <= fleet; i++ {
				records = append(records, record(clientKey(i), message(i), 1))
			}
			if again := w.batch(t.Context(), records...); len(again) != 0 {
				t.Errorf("again %v", again)
			}
			calls := w.bitbucket.Faults().Total()
			if calls > parallel {
				t.Errorf("%d calls to an endpoint that is gone, want those that were under way", calls)
			}
			if loud := strings.Count(w.out.String(), "all updates stop for a day"); loud != 1 {
				t.Errorf("the log says so %d times, want once", loud)
			}
			w.batch(t.Context(), records...)
			if after := w.bitbucket.Faults().Total(); after != calls {
				t.Errorf("%d more calls after the stop", after-calls)
			}
			run, err := w.handler.table.Run(t.Context(), "run-1")
			if err != nil || run.Skipped != fleet || run.Phase != rollout.Done {
				t.Errorf("run %+v, error %v; want all skipped", run, err)
			}
			if got := w.metric("EndpointRemoved"); got != 1 {
				t.Errorf("said so %d times, want once", got)
			}
			w.checkBuried("")
			// The app itself can still be updated.
			addon := message(1)
			addon.Task, addon.Run = rollout.TaskAddon, ""
			w.batch(t.Context(), record("addon", addon, 1))
			if got := w.bitbucket.Faults().Count(fault.Path(http.MethodPut, "^/2.0/addon$")); got != 1 {
				t.Errorf("%d updates of the app, want 1", got)
			}
		})
	}
}

func TestNewerManifestOvertakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.desire(rollout.DefaultScope, "ONE")
	for _, version := range []string{"v1", "v2"} {
		_, _, err := w.handler.table.Advance(t.Context(), appKey, rollout.DefaultScope, version, "r-"+version)
		w.must(err)
	}
	w.run("run-1", 3)
	of := func(i int, revision int64, deferred int) rollout.Message {
		m := message(i)
		m.Scope, m.Revision, m.Deferred = rollout.DefaultScope, revision, deferred
		return m
	}
	w.batch(t.Context(),
		record("first delivery of an old one", of(1, 1, 0), 1),
		record("one that was put back", of(3, 1, 1), 1))
	w.batch(t.Context(), record("one that somebody may have begun", of(2, 1, 0), 2))
	if got := [3]string{w.values(1), w.values(2), w.values(3)}; got != [3]string{"OLD", "ONE", "ONE"} {
		t.Errorf("values %q", got)
	}
	w.aws.Faults.ResetCalls()
	w.batch(t.Context(), record("the newest", of(1, 2, 0), 1), record("and another", of(2, 2, 0), 1))
	if got := w.values(1); got != "ONE" {
		t.Errorf("values %q", got)
	}
	// The stop flag, the newest revision and, once it is reported to, the run.
	if got := w.aws.Faults.Count(fault.Target("GetItem")); got != 3 {
		t.Errorf("%d reads of the table for a batch, want 3", got)
	}
	if got := w.aws.Faults.Count(fault.Path(http.MethodGet, "/"+rollout.DefaultScope+"$")); got != 1 {
		t.Errorf("%d reads of the default manifest for a batch, want 1", got)
	}
}

// TestManifestChangesWhileItIsApplied: the worker that wrote the old one starts over, a
// few times.
func TestManifestChangesWhileItIsApplied(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ times, writes, queued int }{"once": {1, 2, 0}, "each time": {100, maxRounds, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.desire(rollout.DefaultScope, "ONE")
			var writes atomic.Int32
			w.handler.worker.http.Transport = hook{w.handler.worker.http.Transport, func(r *http.Request) {
				if r.Method == http.MethodGet {
					return
				}
				if n := int(writes.Add(1)); n <= test.times {
					w.desire(rollout.DefaultScope, "TWO", strings.Repeat("T", n)) // one PUT from any other
				}
			}}
			if again := w.batch(t.Context(), record("m", message(1), 1)); len(again) != 0 || int(writes.Load()) != test.writes {
				t.Errorf("again %v, %d writes, want %d", again, writes.Load(), test.writes)
			}
			w.checkQueued(test.queued)
			if applied := w.applied(); test.queued == 0 && (w.values(1) != "TWO T" || len(applied) != 1 || len(applied[0].Linkers) != 1) {
				t.Errorf("values %q, events %+v; want the manifest that came meanwhile, told once", w.values(1), applied)
			}
		})
	}
}

// TestALinkersFailureIsTheNextOnesToo where it is about the installation, and only there.
func TestALinkersFailureIsTheNextOnesToo(t *testing.T) {
	t.Parallel()
	for status, tried := range map[int]bool{400: true, 403: true, 500: true, 401: false, 410: false, 429: false} {
		w := newWorld(t, 1)
		_, err := w.handler.worker.desired.Objects.Put(t.Context(), rollout.DefaultScope,
			[]byte("version: 1\nlinkers:\n  - {key: issues, values: [ONE]}\n  - {key: builds, values: [B1]}\n"))
		w.must(err)
		w.bitbucket.Faults().Add(fault.Path("", "/linkers/issues/"), fault.Always(), fault.Respond(status, nil, ""))
		w.batch(t.Context(), record("m", message(1), 1))
		in, _ := w.bitbucket.Installation(clientKey(1))
		if got := w.bitbucket.Faults().Count(fault.Path("", "/linkers/builds/")) > 0; got != tried || tried != (len(in.Values["builds"]) == 1) {
			t.Errorf("%d: the next linker was tried: %v, values %v; want %v", status, got, in.Values["builds"], tried)
		}
	}
}

// TestUpdatesOfTheApp reach Bitbucket as they were asked for, and fail as it says.
func TestUpdatesOfTheApp(t *testing.T) {
	t.Parallel()
	descriptor := simbitbucket.Descriptor(appKey, "https://app.example.com", "issues", "builds")
	for name, test := range map[string]struct {
		message rollout.Message
		body    string
	}{
		"read again":          {rollout.Message{}, "{}"},
		"with its descriptor": {rollout.Message{Descriptor: descriptor}, `"descriptor":{`},
		"with its address":    {rollout.Message{DescriptorURL: "https://app.example.com/atlassian-connect.json"}, `"descriptor_url":"https://app.example.com/`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			var body []byte
			w.handler.worker.http.Transport = hook{w.handler.worker.http.Transport, func(r *http.Request) {
				sent, err := r.GetBody()
				w.must(err)
				body, err = io.ReadAll(sent)
				w.must(err)
			}}
			w.bitbucket.Faults().Add(fault.Path(http.MethodPut, "^/2.0/addon$"), fault.Always(), fault.Respond(403, nil, ""))
			m := test.message
			m.Task, m.ClientKey = rollout.TaskAddon, clientKey(1)
			w.batch(t.Context(), record("m", m, 1))
			if !strings.Contains(string(body), test.body) {
				t.Errorf("sent %s, want %s", body, test.body)
			}
			w.checkBuried("403")
		})
	}
}

// TestManifestChangesWhileItIsAppliedInVain: a manifest that fails for good may have
// written something by then, and a newer one's message may have come before.
func TestManifestChangesWhileItIsAppliedInVain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	_, err := w.handler.worker.desired.Objects.Put(t.Context(), rollout.DefaultScope,
		[]byte("version: 1\nlinkers:\n  - {key: issues, prune: true, values: [ONE]}\n  - {key: nothing, values: [A]}\n"))
	w.must(err)
	var changes atomic.Int32
	w.handler.worker.http.Transport = hook{w.handler.worker.http.Transport, func(r *http.Request) {
		if r.Method != http.MethodGet && changes.Add(1) == 1 {
			w.desire(rollout.DefaultScope, "TWO")
		}
	}}
	if again := w.batch(t.Context(), record("m", message(1), 1)); len(again) != 0 || w.values(1) != "TWO" {
		t.Errorf("again %v, values %q; want the manifest that came meanwhile", again, w.values(1))
	}
	w.checkBuried("")
}

type hook struct {
	http.RoundTripper
	before func(*http.Request)
}

func (h hook) RoundTrip(r *http.Request) (*http.Response, error) {
	h.before(r)
	return h.RoundTripper.RoundTrip(r)
}

func TestWithoutManifestNothingIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	first := message(1)
	first.Run = "" // right after an install
	w.batch(t.Context(), record("m", first, 1))
	if got := w.aws.Faults.Count(fault.Target("TransactWriteItems")); got != 0 {
		t.Errorf("%d reports to no run", got)
	}
	if got := w.bitbucket.Faults().Total(); got != 0 || len(w.applied()) != 1 || w.applied()[0].Outcome != rollout.Skipped {
		t.Errorf("%d calls, events %+v", got, w.applied())
	}
}

func TestReplacedSecretIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "OLD")
	w.batch(t.Context(), record("m", message(1), 1)) // the old secret is remembered
	in, err := w.store.Get(t.Context(), clientKey(1))
	w.must(err)
	in.SharedSecret = redact.New("another-secret-of-32-characters!")
	_, err = w.store.Update(t.Context(), in, "reinstall")
	w.must(err)
	w.must(w.bitbucket.Seed(simbitbucket.State{Installations: []simbitbucket.Installation{{
		AppKey: appKey, ClientKey: clientKey(1), SharedSecret: "another-secret-of-32-characters!", Status: simbitbucket.Installed,
		Principal: simbitbucket.Principal{UUID: workspace(1)},
	}}}))
	w.batch(t.Context(), record("m", message(1), 1))
	if got := w.values(1); got != "OLD" {
		t.Errorf("values %q, want them restored with the new secret\n%s", got, w.out)
	}
}

// TestFirstSyncAfterReinstall: what the worker knew of the tombstone doesn't count.
func TestFirstSyncAfterReinstall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	for _, state := range []installation.State{installation.Uninstalled, installation.Installed} {
		in, err := w.store.Get(t.Context(), clientKey(1))
		w.must(err)
		in.State = state
		_, err = w.store.Update(t.Context(), in, string(state))
		w.must(err)
		w.batch(t.Context(), record("m", message(1), 1))
	}
	if got := w.values(1); got != "ONE" {
		t.Errorf("values %q, want those of the manifest", got)
	}
}

func TestNothingIsBegunShortlyBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	w.handler.now = time.Now
	ctx, cancel := context.WithTimeout(t.Context(), reserve-time.Second)
	defer cancel()
	if again := w.batch(ctx, record("m", message(1), 3)); len(again) != 0 {
		t.Errorf("again %v", again)
	}
	back := w.aws.Queues.Messages(workers)
	if len(back) != 1 || w.values(1) != "OLD" || len(w.applied()) != 0 {
		t.Fatalf("put back %v, values %q", back, w.values(1))
	}
	var got rollout.Message
	w.must(json.Unmarshal([]byte(back[0].Body), &got))
	want := message(1)
	want.Died = 2 // somebody may have begun it
	if diff := cmp.Diff(want, got); diff != "" || time.Until(back[0].VisibleAt) > 0 {
		t.Errorf("put back until %v (-want +got):\n%s", back[0].VisibleAt, diff)
	}
}

func TestWorkIsBegunWhileThereIsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	w.handler.now = time.Now
	ctx, cancel := context.WithTimeout(t.Context(), reserve+time.Hour)
	defer cancel()
	if w.batch(ctx, record("m", message(1), 1)); w.values(1) != "ONE" {
		t.Errorf("values %q, want them applied", w.values(1))
	}
}

func TestWorkIsCutShortBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	working, stop := cutShort(ctx)
	defer stop()
	if got, _ := working.Deadline(); !got.Equal(deadline.Add(-settling)) {
		t.Errorf("work may go on until %v of %v", got, deadline)
	}
}

func TestDirectInvoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	answer, err := w.handler.Handle(t.Context(), w.event("direct"))
	applied, ok := answer.(rollout.Applied)
	if err != nil || !ok || applied.Outcome != rollout.Changed || w.values(1) != "ONE" {
		t.Errorf("answer %+v, error %v", answer, err)
	}
	answer, err = w.handler.Handle(t.Context(), w.event("direct_addon"))
	if err != nil || answer.(rollout.Applied).Outcome != rollout.Changed {
		t.Errorf("addon: answer %+v, error %v", answer, err)
	}
	if _, err = w.handler.Handle(t.Context(), w.event("direct_unknown_task")); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("unknown task: %v", err)
	}
	if _, err = w.handler.Handle(t.Context(), json.RawMessage(`[]`)); !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), "not a JSON object") {
		t.Errorf("a list: %v", err)
	}
	unknown, _ := json.Marshal(message(9)) // it always can be
	answer, err = w.handler.Handle(t.Context(), unknown)
	if applied, ok = answer.(rollout.Applied); err != nil || !ok || applied.Outcome != rollout.Skipped || !strings.Contains(applied.Reason, "is gone") {
		t.Errorf("an unknown workspace: answer %+v, error %v", answer, err)
	}
	w.bitbucket.Faults().Add(fault.Any(), fault.Always(), simbitbucket.RateLimited())
	if _, err = w.handler.Handle(t.Context(), w.event("direct")); !errors.Is(err, bitbucket.ErrRateLimited) {
		t.Errorf("rate limited: %v", err)
	}
	w.handler.worker.store = nil
	if _, err = w.handler.Handle(t.Context(), w.event("direct")); !errors.Is(err, startup.ErrPanic) {
		t.Errorf("a panic: %v", err)
	}
}

func TestConfigurationProblemsAreReportedTogether(t *testing.T) {
	t.Parallel()
	err := run(func(name string) string { return map[string]string{"LINKERSYNC_BULK_BODY": "a guess"}[name] }, t.Output())
	for _, name := range []string{"LINKERSYNC_BULK_BODY", "LINKERSYNC_APP_KEY", "LINKERSYNC_BUCKET", "LINKERSYNC_TABLE", "LINKERSYNC_BUS", "LINKERSYNC_QUEUE_URL", "LINKERSYNC_DEAD_LETTERS_URL", "AWS_REGION"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v doesn't name %s", err, name)
		}
	}
}
