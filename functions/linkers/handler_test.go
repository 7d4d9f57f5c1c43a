package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/startup"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/rollout"
)

func TestMessagesAreAppliedReportedAndEndTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.desire(rollout.DefaultScope, "ONE")
	w.desire(rollout.WorkspaceScope(workspace(2)), "OLD")
	w.run("run-1", 2)
	for range 2 { // SQS delivers twice now and then
		for i := 1; i <= 2; i++ {
			if again := w.batch(t.Context(), record("m", message(i), 1)); len(again) != 0 {
				t.Errorf("again %v", again)
			}
		}
	}
	run, err := w.handler.table.Run(t.Context(), "run-1")
	want := rollout.Counts{Changed: 1, Unchanged: 1, Added: 1, Removed: 1}
	if diff := cmp.Diff(want, run.Counts); diff != "" || err != nil || run.Phase != rollout.Done || w.finished() != 1 {
		t.Errorf("phase %s, %d Run Finished, error %v, counts (-want +got):\n%s", run.Phase, w.finished(), err, diff)
	}
	if w.values(1) != "ONE" || w.values(2) != "OLD" || w.metric("InstallationsChanged") != 1 {
		t.Errorf("values %q %q, changed %d", w.values(1), w.values(2), w.metric("InstallationsChanged"))
	}
}

// TestWhatBecomesOfAMessage for each kind of trouble: it waits for about so long, it is a
// dead letter with its reason, or it has an outcome.
func TestWhatBecomesOfAMessage(t *testing.T) {
	t.Parallel()
	aged := func(age time.Duration) queue.Message {
		m := message(1)
		m.Since = today.Add(-age)
		return m
	}
	addon := message(1)
	addon.Task = queue.TaskAddon
	asked := fault.Respond(429, http.Header{"Retry-After": {"1800"}}, "")
	manifest := func(body string) func(w *world) {
		return func(w *world) {
			_, err := w.handler.worker.desired.Objects.Put(w.t.Context(), rollout.DefaultScope, []byte(body))
			w.must(err)
		}
	}
	for name, test := range map[string]struct {
		answer   fault.Effect
		prepare  func(w *world)
		message  any
		receives int
		waits    time.Duration // at least; less than twice as long
		dead     string
		outcome  rollout.Outcome
	}{
		"rate limited":                     {answer: simbitbucket.RateLimited(), waits: firstPause / 2},
		"rate limited, the fourth time":    {answer: simbitbucket.RateLimited(), receives: 4, waits: 8 * firstPause / 2},
		"rate limited, the hundredth time": {answer: simbitbucket.RateLimited(), receives: 100, waits: maxPause / 2},
		"rate limited, and asked to wait":  {answer: asked, waits: 30 * time.Minute},
		"rate limited for a day":           {answer: simbitbucket.RateLimited(), message: aged(maxAge), dead: "within 24h0m0s: ", outcome: rollout.Failed},
		"Bitbucket fails":                  {answer: fault.Respond(500, nil, "oops"), message: aged(23 * time.Hour), waits: firstPause / 2},
		"connections break":                {answer: fault.Reset(), waits: firstPause / 2},
		"an incident hides the workspace":  {answer: fault.Respond(404, nil, `{"type":"error","error":{"message":"No workspace with identifier 'example'."}}`), message: aged(time.Hour), waits: firstPause / 2},
		"the workspace stays hidden":       {answer: fault.Respond(404, nil, `{"type":"error","error":{"message":"No workspace with identifier 'example'."}}`), message: aged(installationAge), dead: "No workspace", outcome: rollout.Failed},
		"the secret is wrong":              {answer: fault.Respond(401, nil, ""), waits: firstPause / 2},
		"forbidden":                        {answer: fault.Respond(403, nil, ""), dead: "403", outcome: rollout.Failed},
		"an unknown linker":                {prepare: manifest("version: 1\nlinkers:\n  - {key: nothing, values: [A]}\n"), dead: "linker nothing", outcome: rollout.Failed},
		"a manifest that isn't valid":      {prepare: manifest("version: 7\n"), dead: "refused", outcome: rollout.Failed},
		"an update of the app meets a 410": {answer: fault.Respond(410, nil, ""), message: addon, waits: firstPause / 2},
		"not a message":                    {message: "hello", dead: "not as documented"},
		"an unknown task":                  {message: `{"client_key":"x","task":"everything"}`, dead: "no task that is known"},
		"without a client key":             {message: `{"task":"values"}`, dead: "names no client key"},
		"an unknown workspace":             {message: message(9), outcome: rollout.Skipped},
		"the table is away": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("GetItem"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, waits: firstPause / 2},
		"the outcome can't be told": {prepare: func(w *world) {
			w.aws.Faults.Add(fault.Target("PutEvents"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
		}, waits: firstPause / 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", 1)
			if test.prepare != nil {
				test.prepare(w)
			}
			if !reflect.ValueOf(test.answer).IsZero() {
				w.bitbucket.Faults().Add(fault.Path("", "^/2.0/addon"), fault.Always(), test.answer)
			}
			if test.message == nil {
				test.message = message(1)
			}
			again := w.batch(t.Context(), record("m", test.message, max(test.receives, 1)))
			if test.waits > 0 {
				if len(again) != 1 || len(w.waits) != 1 || w.waits[0] < test.waits-time.Second || w.waits[0] >= 2*test.waits || len(w.aws.Queues.Messages(dead)) != 0 {
					t.Errorf("again %v, waits %v; want %v\n%s", again, w.waits, test.waits, w.out)
				}
				return
			}
			if len(again) != 0 || len(w.waits) != 0 {
				t.Errorf("again %v, waits %v\n%s", again, w.waits, w.out)
			}
			if test.dead != "" {
				w.deadLetter(test.dead)
			}
			if applied := w.applied(); (len(applied) == 1) != (test.outcome != "") || len(applied) == 1 && applied[0].Outcome != test.outcome {
				t.Errorf("events %+v, want %s", applied, test.outcome)
			}
		})
	}
}

// TestAMessageThatNoAttemptSurvives is a dead letter after a bounded number of receives,
// and counts. Attempts that end, however they end, don't count against it.
func TestAMessageThatNoAttemptSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	w.run("run-1", 1)
	limited := w.bitbucket.Faults().Add(fault.Any(), fault.Always(), simbitbucket.RateLimited())
	for receives := 2; receives <= 10; receives++ {
		if again := w.batch(t.Context(), record("m", message(1), receives)); len(again) != 1 {
			t.Fatalf("receive %d of a message that is rate limited: again %v", receives, again)
		}
	}
	limited.Remove()
	for range maxUnanswered { // their workers die
		_, err := w.handler.table.BeginAttempt(t.Context(), "m")
		w.must(err)
	}
	if again := w.batch(t.Context(), record("m", message(1), 14)); len(again) != 0 {
		t.Errorf("again %v", again)
	}
	w.deadLetter("no attempt came to an end")
	if run, err := w.handler.table.Run(t.Context(), "run-1"); err != nil || run.Failed != 1 || run.Phase != rollout.Done {
		t.Errorf("run %+v, error %v; want it done with one failure", run, err)
	}
}

func TestAnEndThatIsCutShortIsRepeated(t *testing.T) {
	t.Parallel()
	for refused := 1; ; refused++ {
		w := newWorld(t, 1)
		w.desire(rollout.DefaultScope, "ONE")
		w.run("run-1", 1)
		rule := w.aws.Faults.Add(fault.Any(), fault.Nth(refused), fault.AWSError(403, "AccessDeniedException", ""))
		again := w.batch(t.Context(), record("m", message(1), 1))
		met := rule.Fired() > 0
		if met != (len(again) == 1) {
			t.Errorf("call %d was refused: %v, again %v", refused, met, again)
		}
		rule.Remove()
		if met {
			w.batch(t.Context(), record("m", message(1), 2))
		}
		if run, err := w.handler.table.Run(t.Context(), "run-1"); err != nil || run.Reported() != 1 || run.Phase != rollout.Done || w.finished() == 0 || w.values(1) != "ONE" {
			t.Errorf("after call %d: run %+v, error %v, %d Run Finished, values %q", refused, run, err, w.finished(), w.values(1))
		}
		if !met {
			if refused < 8 {
				t.Errorf("only %d calls", refused)
			}
			return
		}
	}
}

func TestNewerManifestOvertakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.desire(rollout.DefaultScope, "ONE")
	w.run("run-1", 2)
	for _, version := range []string{"v1", "v2"} {
		_, _, err := w.handler.table.Advance(t.Context(), appKey, rollout.DefaultScope, version, version)
		w.must(err)
	}
	old := message(1)
	old.Scope, old.Revision = rollout.DefaultScope, 1
	w.batch(t.Context(), record("the first delivery", old, 1))
	old.ClientKey = clientKey(2)
	w.batch(t.Context(), record("one that an attempt may have begun", old, 2))
	if w.values(1) != "OLD" || w.values(2) != "ONE" {
		t.Errorf("values %q %q; want the first skipped", w.values(1), w.values(2))
	}
}

// TestTheDefaultManifestIsReadOnceForManyMessages, and again for a message that was
// queued after the read.
func TestTheDefaultManifestIsReadOnceForManyMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.desire(rollout.DefaultScope, "OLD")
	w.now = today.Add(time.Minute)
	reads := func() int { return w.aws.Faults.Count(fault.Path(http.MethodGet, "default.yaml$")) }
	for i := range 3 {
		w.batch(t.Context(), record("m", message(i+1), 1))
	}
	if got := reads(); got != 1 {
		t.Errorf("%d reads for three messages", got)
	}
	w.desire(rollout.DefaultScope, "NEW")
	newer := message(1)
	newer.Since = w.now
	w.now = w.now.Add(2 * time.Second)
	w.batch(t.Context(), record("m", newer, 1))
	if got := w.values(1); got != "NEW" {
		t.Errorf("values %q; want those of the manifest that came before the message", got)
	}
}

func TestWorkIsCutShortBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	ctx, cancel := context.WithTimeout(t.Context(), reportTime)
	defer cancel()
	if again := w.batch(ctx, record("m", message(1), 1)); len(again) != 1 || len(w.waits) != 1 || w.values(1) != "OLD" {
		t.Errorf("again %v, waits %v, values %q", again, w.waits, w.values(1))
	}
}

// hook does something before each request.
type hook struct {
	http.RoundTripper
	before func(*http.Request)
}

// TestManifestChangesWhileItIsApplied: the worker that wrote the old one starts over, a
// few times.
func TestManifestChangesWhileItIsApplied(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ times, writes, waits int }{"once": {1, 2, 0}, "each time": {100, maxRounds, 1}} {
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
			if again := w.batch(t.Context(), record("m", message(1), 1)); len(again) != test.waits || int(writes.Load()) != test.writes {
				t.Errorf("again %v, %d writes, want %d", again, writes.Load(), test.writes)
			}
			if applied := w.applied(); test.waits == 0 && (w.values(1) != "TWO T" || len(applied) != 1 || len(applied[0].Linkers) != 1) {
				t.Errorf("values %q, events %+v; want the manifest that came meanwhile, told once", w.values(1), applied)
			}
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
	if letters := w.aws.Queues.Messages(dead); len(letters) != 0 {
		t.Errorf("dead letters %+v", letters)
	}
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
	_, err := startup.New(build, func(name string) string { return map[string]string{"LINKERSYNC_BULK_BODY": "a guess"}[name] }, t.Output())
	for _, name := range []string{"LINKERSYNC_BULK_BODY", "LINKERSYNC_APP_KEY", "LINKERSYNC_BUCKET", "LINKERSYNC_TABLE", "LINKERSYNC_BUS", "LINKERSYNC_QUEUE_URL", "LINKERSYNC_DEAD_LETTERS_URL", "AWS_REGION"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v doesn't name %s", err, name)
		}
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
		message queue.Message
		body    string
	}{
		"read again":          {queue.Message{}, "{}"},
		"with its descriptor": {queue.Message{Descriptor: descriptor}, `"descriptor":{`},
		"with its address":    {queue.Message{DescriptorURL: "https://app.example.com/atlassian-connect.json"}, `"descriptor_url":"https://app.example.com/`},
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
			m.Task, m.ClientKey = queue.TaskAddon, clientKey(1)
			w.batch(t.Context(), record("m", m, 1))
			if !strings.Contains(string(body), test.body) {
				t.Errorf("sent %s, want %s", body, test.body)
			}
			w.deadLetter("403")
		})
	}
}
