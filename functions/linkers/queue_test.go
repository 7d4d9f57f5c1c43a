package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/rollout"
)

// TestWhatCannotBePutBackIsDeliveredAgain: SQS deletes every record that the answer
// doesn't name, so that it would be lost.
func TestWhatCannotBePutBackIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		within  time.Duration
		message any
		want    []string
	}{
		"no time was left":          {reserve - time.Second, message(1), []string{"m", "other"}},
		"kept apart":                {time.Hour, message(1), []string{"m"}},
		"for the dead-letter queue": {time.Hour, "hello", []string{"m"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.desire(rollout.DefaultScope, "ONE")
			w.handler.now = time.Now
			w.aws.Faults.Add(fault.Target("SendMessage"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
			ctx, cancel := context.WithTimeout(t.Context(), test.within)
			defer cancel()
			again := w.batch(ctx, record("m", test.message, 2), record("other", message(2), 1))
			if diff := cmp.Diff(test.want, again); diff != "" || !strings.Contains(w.out.String(), "message not put") {
				t.Errorf("delivered again (-want +got):\n%s\n%s", diff, w.out)
			}
		})
	}
}

// TestACallThatIsRefusedLosesNoMessage, whichever it is: the message comes back until
// its run is told how it ended, and has ended.
func TestACallThatIsRefusedLosesNoMessage(t *testing.T) {
	t.Parallel()
	const calls = 13
	for refused := 1; refused <= calls+1; refused++ {
		w := newWorld(t, 1)
		w.desire(rollout.DefaultScope, "ONE")
		w.run("run-1", 1)
		m := message(1)
		m.Scope = rollout.DefaultScope
		rule := w.aws.Faults.Add(fault.Any(), fault.Nth(refused), fault.AWSError(403, "AccessDeniedException", ""))
		if again := w.batch(t.Context(), record("m", m, 1)); len(again) != 0 {
			t.Errorf("call %d was refused: again %v", refused, again)
		}
		rule.Remove()
		if met := rule.Fired() > 0; met != (refused <= calls) || met != (len(w.aws.Queues.Messages(workers)) == 1) {
			t.Errorf("call %d of %d was refused: %v, put back %v", refused, calls, met, w.aws.Queues.Messages(workers))
		}
		w.serve("")
		run, err := w.handler.table.Run(t.Context(), "run-1")
		if err != nil || run.Phase != rollout.Done || !run.Announced || run.Changed+run.Unchanged != 1 || w.finished() == 0 || w.values(1) != "ONE" {
			t.Errorf("after call %d: run %+v, error %v, %d told, values %q", refused, run, err, w.finished(), w.values(1))
		}
		w.checkBuried("")
	}
}

// noted is a queue that notes what it is asked for.
type noted struct {
	rollout.Caller
	waits  []time.Duration
	bodies []string
}

func (n *noted) Call(ctx context.Context, operation string, in, answer any) error {
	message := in.(outgoing)
	n.waits = append(n.waits, time.Duration(message.DelaySeconds)*time.Second)
	n.bodies = append(n.bodies, message.MessageBody)
	return n.Caller.Call(ctx, operation, in, answer)
}

// TestDelaysGrowAndDiffer: what was limited together shall not come back together.
func TestDelaysGrowAndDiffer(t *testing.T) {
	t.Parallel()
	for deferred, most := range map[int]time.Duration{0: 30 * time.Second, 3: 4 * time.Minute, 5: 15 * time.Minute, 1000: 15 * time.Minute} {
		w := newWorld(t, 0)
		sent := &noted{Caller: w.handler.queue.sqs}
		w.handler.queue.sqs = sent
		m := message(1)
		m.Deferred, m.Since = deferred, today.Add(-time.Hour)
		for range 20 {
			w.must(w.handler.queue.later(t.Context(), m, today))
		}
		// Twenty of them on the same sixth of the range come once in 10^13 runs.
		least, longest := slices.Min(sent.waits), slices.Max(sent.waits)
		if longest > most || least < most/2 || longest-least < most/12 {
			t.Errorf("put back %d times before: waits from %v to %v, want them between half and all of %v", deferred, least, longest, most)
		}
		var got rollout.Message
		w.must(json.Unmarshal([]byte(sent.bodies[0]), &got))
		if got.Deferred != deferred+1 || !got.Since.Equal(m.Since) {
			t.Errorf("put back %+v, want one more, and since when it waits", got)
		}
	}
}

// TestReasonsFitTheirPlace: SQS would refuse a message whose reason is half a letter.
func TestReasonsFitTheirPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.must(w.handler.queue.bury(t.Context(), "hello", "x"+strings.Repeat("ä", reasonLimit)))
	if got := w.aws.Queues.Messages(dead)[0].Attributes["reason"]; len(got) > reasonLimit+len("…") || !utf8.ValidString(got) || !strings.HasSuffix(got, "ä…") {
		t.Errorf("the reason has %d bytes: %s", len(got), got)
	}
	told := &work{err: errors.New(strings.Repeat("x", 2*reasonLimit)), applied: rollout.Applied{Linkers: []rollout.AppliedLinker{{Error: strings.Repeat("y", 2*reasonLimit)}}}}
	told.conclude()
	if got := len(told.applied.Reason) + len(told.applied.Linkers[0].Error); got != 2*(reasonLimit+len("…")) {
		t.Errorf("the bus hears %d bytes of two reasons", got)
	}
	if got := shorten("abc", 3); got != "abc" {
		t.Errorf("%q, want what fits as it is", got)
	}
}

// TestAPanicFailsItsMessageAlone, which comes back: it may depend on what was read.
func TestAPanicFailsItsMessageAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.desire(rollout.DefaultScope, "ONE")
	first := true
	w.handler.worker.http.Transport = hook{w.handler.worker.http.Transport, func(*http.Request) {
		if first { // the only one that is under way
			first = false
			panic("a bug")
		}
	}}
	if again := w.batch(t.Context(), record("a", message(1), 1)); len(again) != 0 {
		t.Errorf("again %v", again)
	}
	w.checkQueued(1)
	if w.batch(t.Context(), record("b", message(2), 1)); w.values(2) != "ONE" {
		t.Errorf("values of the other %q", w.values(2))
	}
}

// full is a log that takes no metric.
type full struct{ io.Writer }

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestAMetricIsNotWorthAMessage: its work is done, and a failure would do it again.
func TestAMetricIsNotWorthAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.desire(rollout.DefaultScope, "ONE")
	w.handler.metrics = &metrics.Writer{App: appKey, Out: full{}}
	if again := w.batch(t.Context(), record("m", message(1), 1)); len(again) != 0 || !strings.Contains(w.out.String(), "metrics not written") {
		t.Errorf("again %v, log %s", again, w.out)
	}
}
