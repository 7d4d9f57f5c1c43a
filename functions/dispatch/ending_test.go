package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

// interrupt leaves an event's run as an attempt does that has no time left after one
// of two pages: one message is out.
func (w *world) interrupt(event, version string) (messages []queue.Message) {
	w.t.Helper()
	w.handler.store = &pages{count: 2}
	run, err := w.handler.table.OpenRun(w.t.Context(), "event-"+event, appKey)
	w.must(err)
	_, messages = w.page(run, "x", 1)
	short, cancel := context.WithTimeout(w.t.Context(), reserve-time.Second)
	defer cancel()
	if _, err := w.handler.Handle(short, w.event(event, version)); err == nil || !strings.Contains(err.Error(), "out of time after 1 installations") {
		w.t.Fatalf("error %v, want an interruption", err)
	}
	return messages
}

// TestARunThatNobodyGoesOnWithEnds: something happened between two attempts that leaves
// the second with nothing to queue. Whoever waits for the run hears of its end, and why.
func TestARunThatNobodyGoesOnWithEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		event     string
		meanwhile func(w *world)
		note      string
		refused   string
	}{
		"the object has a newer version":            {"object_default", func(w *world) { w.store(rollout.DefaultScope, "TWO") }, "ended after 1 installations: default.yaml has a newer version", ""},
		"the app is stopped":                        {"schedule", func(w *world) { w.stop() }, "", "410 from Bitbucket"},
		"the manifest is one that nobody can apply": {"schedule", func(w *world) { w.put(rollout.DefaultScope, "version: 7\n") }, "", "default.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 0)
			version := w.store(rollout.DefaultScope, "ONE")
			messages := w.interrupt(test.event, version)
			test.meanwhile(w)
			for range 2 { // Lambda's second and third attempt
				answer, err := w.handler.Handle(t.Context(), w.event(test.event, version))
				if isRefused := errors.Is(err, rollout.ErrRefused); isRefused && test.refused == "" || err != nil && !isRefused {
					t.Errorf("answer %+v, error %v", answer, err)
				}
			}
			if told := w.finished(); len(told) != 0 {
				t.Errorf("told %+v before the message that is out was reported", told)
			}
			w.report("event-"+test.event, rollout.Skipped, messages)
			told := w.finished()
			if len(told) != 1 || told[0].Skipped != 1 || !strings.Contains(told[0].Note, test.note) || !strings.Contains(told[0].Refused, test.refused) {
				t.Fatalf("Run Finished: %+v, want one with the reason", told)
			}
			if failed := told[0].Failed; (failed == 1) != (test.refused != "") || told[0].Total != 1+failed {
				t.Errorf("Run Finished: %+v", told[0])
			}
			if len(w.messages()) != 0 {
				t.Errorf("%d messages were queued after the end", len(w.messages()))
			}
		})
	}
}

// TestARunThatNobodyGoesOnWithEndsAtOnce when none of its messages is out.
func TestARunThatNobodyGoesOnWithEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	_, err := w.handler.table.OpenRun(t.Context(), "event-schedule", appKey)
	w.must(err)
	w.stop()
	answer, err := w.handle("schedule")
	if told := w.finished(); err != nil || !strings.Contains(answer.Note, "410 from Bitbucket") || len(told) != 1 || told[0].Refused != answer.Note {
		t.Errorf("answer %+v, error %v, told %+v", answer, err, told)
	}
}

// TestWhoeverWaitsHearsThatANewerManifestIsInForce, instead of taking the run's counts
// for the fate of its own.
func TestWhoeverWaitsHearsThatANewerManifestIsInForce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		newer, late []string
		note        string
	}{
		"for all":      {nil, nil, "a newer manifest is in force, not this one"},
		"for one":      {[]string{workspace(1)}, []string{workspace(1)}, "a newer manifest is in force, not this one"},
		"for some":     {[]string{workspace(1)}, []string{workspace(1), workspace(2)}, "a newer manifest is in force in 1 of the 2 workspaces, not this one"},
		"for others":   {[]string{workspace(1)}, []string{workspace(2)}, ""},
		"and left out": {[]string{workspace(7)}, []string{workspace(7)}, "a newer manifest is in force, not this one; the app is not installed in 1 of the 1 workspaces"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			_, err := w.change("newer", rollout.Change{Manifest: string(manifestOf("NEWER")), Installations: test.newer}) // now
			w.must(err)
			event, err := json.Marshal(map[string]any{
				"id": "late", "source": rollout.Source, "detail-type": rollout.DetailChanged, "time": "2020-11-21T12:00:00Z",
				"detail": rollout.Change{Manifest: string(manifestOf("LATE")), Installations: test.late},
			})
			w.must(err)
			answer, err := w.handler.Handle(t.Context(), event)
			if err != nil || answer.Note != test.note {
				t.Errorf("answer %+v, error %v; want the note %q", answer, err, test.note)
			}
			run, err := w.handler.table.Run(t.Context(), "late")
			if want, _, _ := strings.Cut(test.note, ";"); err != nil || run.Finished().Note != want {
				t.Errorf("run %+v, error %v; want the note %q", run, err, want)
			}
		})
	}
}

// full is a log that takes no metric.
type full struct{ io.Writer }

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestAMetricIsNotWorthARun: its messages are out, and a failure would queue them again.
func TestAMetricIsNotWorthARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.handler.metrics = &metrics.Writer{App: appKey, Out: full{}}
	answer, err := w.handle("schedule")
	if err != nil || answer.Queued != 2 || !strings.Contains(w.out.String(), "metrics not written") {
		t.Errorf("answer %+v, error %v, log %s", answer, err, w.out)
	}
}
