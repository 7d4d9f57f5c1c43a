package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/rollout"
)

// TestOwnWriteToTheBucketIsNoSecondRun: keeping an inline manifest makes S3 send an event.
func TestOwnWriteToTheBucketIsNoSecondRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	_, err := w.handle("changed_inline_all")
	w.must(err)
	state, err := w.handler.desired.Default(t.Context())
	w.must(err)
	answer, err := w.handler.Handle(t.Context(), w.event("object_default", state.VersionID))
	if err != nil || !strings.Contains(answer.Note, "run event-changed_inline_all is in charge") || len(w.messages()) != 2 {
		t.Errorf("answer %+v, error %v, %d messages; want 2", answer, err, len(w.messages()))
	}
}

// TestSameEventTwice: the second delivery comes when a newer manifest is there, and
// must not bring the old one back.
func TestSameEventTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	_, err := w.handle("changed_inline_all")
	w.must(err)
	w.store("default.yaml", "NEWER")
	answer, err := w.handle("changed_inline_all")
	if err != nil || !strings.Contains(answer.Note, "dispatched before") || answer.Queued != 2 || len(w.messages()) != 2 {
		t.Errorf("answer %+v, error %v, %d messages; want 2", answer, err, len(w.messages()))
	}
	if got := w.stored("default.yaml"); got != string(manifestOf("NEWER")) {
		t.Errorf("the old manifest is back: %s", got)
	}
}

// TestTheLaterEventWins, in whatever order the bus and Lambda's repeats bring them:
// an old manifest that comes back would delete what the new one added, and stay.
func TestTheLaterEventWins(t *testing.T) {
	t.Parallel()
	at := func(second int, value string) json.RawMessage {
		event, err := json.Marshal(map[string]any{
			"id": fmt.Sprint("event-", value, second), "source": rollout.Source, "detail-type": rollout.DetailChanged,
			"time": time.Date(2020, 11, 21, 12, 0, second, 0, time.UTC), "detail": rollout.Change{Manifest: string(manifestOf(value))},
		})
		if err != nil {
			t.Fatal(err)
		}
		return event
	}
	for name, test := range map[string]struct {
		events []json.RawMessage
		want   string
	}{
		"in order":                             {[]json.RawMessage{at(1, "A"), at(2, "B")}, "B"},
		"swapped":                              {[]json.RawMessage{at(2, "B"), at(1, "A")}, "B"},
		"the later one changed nothing":        {[]json.RawMessage{at(1, "B"), at(3, "B"), at(2, "A")}, "B"},
		"of one second":                        {[]json.RawMessage{at(1, "A"), at(1, "B")}, "B"},
		"from the future, which is now":        {[]json.RawMessage{bytes.Replace(at(1, "A"), []byte("2020"), []byte("2999"), 1), bytes.Replace(at(2, "B"), []byte("2020"), []byte("2998"), 1)}, "B"},
		"after a direct invoke, which is now":  {[]json.RawMessage{json.RawMessage(`{"manifest":` + quoted("A") + `}`), at(1, "B")}, "A"},
		"a direct invoke after it, and so now": {[]json.RawMessage{at(1, "A"), json.RawMessage(`{"manifest":` + quoted("B") + `}`)}, "B"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
			for _, event := range test.events {
				answer, err := w.handler.Handle(ctx, event)
				if err != nil || answer.Queued != 2 {
					t.Errorf("answer %+v, error %v; want a run that looks at both", answer, err)
				}
			}
			if got := w.stored("default.yaml"); got != string(manifestOf(test.want)) {
				t.Errorf("stored %s, want %s", got, test.want)
			}
		})
	}
}

// quoted is a manifest as a JSON string.
func quoted(value string) string {
	encoded, _ := json.Marshal(string(manifestOf(value))) // a string always can be
	return string(encoded)
}

// TestResumeAfterDeath repeats an event whose first attempt died at each of its calls.
func TestResumeAfterDeath(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		w := newWorld(t, 2)
		ctx, cancel := context.WithCancel(t.Context())
		dead := w.aws.Faults.KillAfter(at, cancel)
		_, err := w.handleWithin(ctx, "changed_inline_all")
		cancel()
		dead.Remove()
		if err == nil {
			if at < 10 {
				t.Fatalf("only %d calls", at)
			}
			return // it lived to the end
		}
		w.store("default.yaml", "NEWER") // while it was dead
		answer, err := w.handle("changed_inline_all")
		if err != nil || answer.Queued != 2 {
			t.Errorf("died at call %d: answer %+v, error %v", at, answer, err)
		}
		run, err := w.handler.table.Run(t.Context(), "event-changed_inline_all")
		if err != nil || run.Phase != rollout.Working || run.Total != 2 {
			t.Errorf("died at call %d: run %+v, error %v", at, run, err)
		}
		found := map[string]bool{}
		for _, message := range w.messages() {
			found[message.ClientKey] = true
		}
		if len(found) != 2 {
			t.Errorf("died at call %d: queued for %v", at, found)
		}
		if got := w.stored("default.yaml"); got != string(manifestOf("NEWER")) {
			t.Errorf("died at call %d: the old manifest is back: %s", at, got)
		}
	}
}

// lists is a store whose pages name installations by number.
type lists [][]int

func (l lists) List(_ context.Context, cursor string) (page []installation.Installation, next string, err error) {
	at := len(cursor)
	for _, i := range l[at] {
		page = append(page, installation.Installation{ClientKey: clientKey(i), State: installation.Installed, Principal: installation.Principal{UUID: connect.WorkspaceUUID(workspace(i))}})
	}
	if at < len(l)-1 {
		next = strings.Repeat("x", at+1)
	}
	return page, next, nil
}

// TestAnInstallationOnTwoPagesIsCountedOnce: the run would wait for the second for
// ever. Also when the first page was another process's.
func TestAnInstallationOnTwoPagesIsCountedOnce(t *testing.T) {
	t.Parallel()
	for name, dies := range map[string]int{"in one process": 0, "after a death": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 0)
			w.handler.store = lists{{1, 2, 2}, {}, {2, 3}, {1}}
			if dies > 0 {
				w.aws.Faults.Add(fault.Target("SendMessageBatch"), fault.Nth(dies), fault.AWSError(400, "AccessDeniedException", ""))
				if _, err := w.handle("schedule"); err == nil {
					t.Fatal("no error while the queue is away")
				}
			}
			answer, err := w.handle("schedule")
			if diff := cmp.Diff([]int{1, 2, 3}, w.numbers()); diff != "" || err != nil || answer.Queued != 3 {
				t.Errorf("answer %+v, error %v, queued for (-want +got):\n%s", answer, err, diff)
			}
			if run := w.report("event-schedule", rollout.Unchanged, w.messages()); !run.Complete() || run.Unchanged != 3 {
				t.Errorf("run %+v; want it complete", run)
			}
		})
	}
}

// TestTwoDispatchesAtOnce of the same event, or more: one run, one manifest, each
// installation counted once.
func TestTwoDispatchesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.handler.store = lists{{1, 2}, {3}, {4, 1}, {5}}
	var group sync.WaitGroup
	for range 4 {
		process := *w.handler // with an output of its own
		process.log, process.metrics = slog.New(slog.DiscardHandler), &metrics.Writer{App: appKey, Out: io.Discard}
		group.Go(func() {
			if _, err := process.Handle(context.WithoutCancel(t.Context()), w.event("changed_inline_all", "")); err != nil {
				t.Errorf("error %v, want somebody else ahead to be none", err)
			}
		})
	}
	group.Wait()
	run, err := w.handler.table.Run(t.Context(), "event-changed_inline_all")
	if err != nil || run.Phase != rollout.Working || run.Total != 5 {
		t.Fatalf("run %+v, error %v; want 5 installations", run, err)
	}
	if run = w.report(run.ID, rollout.Changed, w.messages()); !run.Complete() || run.Changed != 5 {
		t.Errorf("run %+v; want it complete", run)
	}
}

// TestAMisnamedManifestIsLoud: the object is never read, so its upload is an error that
// reaches the dead-letter queue, with the right name, escaped, and nothing queued.
func TestAMisnamedManifestIsLoud(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"default.yml": "default.yaml",
		"installations/" + workspace(1)[1:37] + ".yaml": "installations/" + workspace(1) + ".yaml",
		"/installations/" + workspace(1) + ".yaml":      "installations/" + workspace(1) + ".yaml",
		"default\u202e.yml":                             "default.yaml",
	} {
		w := newWorld(t, 1)
		detail, err := json.Marshal(map[string]any{"bucket": map[string]string{"name": bucket}, "object": map[string]string{"key": key}})
		w.must(err)
		_, err = w.handler.Handle(t.Context(), fmt.Appendf(nil, `{"id":"event-1","source":"aws.s3","detail-type":"Object Created","detail":%s}`, detail))
		log := w.out.String()
		if !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), want) || !strings.Contains(log, `"level":"ERROR"`) || strings.Contains(err.Error()+log, "\u202e") || len(w.messages()) != 0 {
			t.Errorf("%q: error %v, log %s", key, err, log)
		}
	}
}
