package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	simsqs "github.com/linkersync/linkersync/internal/simulator/aws/sqs"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/rollout"
)

// queued puts messages of run-1 into the workers' queue, as dispatch does.
func (w *world) queued(count int) {
	w.t.Helper()
	for i := 1; i <= count; i++ {
		w.must(w.handler.queue.again(w.t.Context(), message(i)))
	}
}

// receive receives the queue's next messages, up to ten. Its clock moves on to the
// next of them, and a second on, for which Lambda fills a batch.
func (w *world) receive() []types.Message {
	w.t.Helper()
	left := w.aws.Queues.Messages(workers)
	next := slices.MinFunc(left, func(a, b simsqs.Message) int { return a.VisibleAt.Compare(b.VisibleAt) }).VisibleAt
	w.ahead.Add(int64(max(0, time.Until(next)-time.Duration(w.ahead.Load()))) + int64(time.Second))
	received, err := sqs.NewFromConfig(w.aws.Config()).ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &w.handler.queue.url, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"},
	})
	w.must(err)
	return received.Messages
}

// serve delivers the queue's messages in batches, as Lambda's event source does,
// until the queue is empty. A batch that calls Bitbucket for the doomed workspace is
// cut off there, as if the process had been killed. It returns how many were.
func (w *world) serve(doomed string) (deaths int) {
	w.t.Helper()
	kill := func() {}
	w.handler.worker.http.Transport = hook{w.handler.worker.http.Transport, func(r *http.Request) {
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(r.Header.Get("Authorization"), ".")[1])
		if err != nil {
			w.t.Errorf("no JWT: %v", err)
		}
		if doomed != "" && strings.Contains(string(claims), doomed) {
			kill()
		}
	}}
	for range 200 {
		if len(w.aws.Queues.Messages(workers)) == 0 {
			return deaths
		}
		received := w.receive()
		var records []events.SQSMessage
		handles := map[string]*string{}
		for _, m := range received {
			records = append(records, events.SQSMessage{MessageId: *m.MessageId, Body: *m.Body, Attributes: m.Attributes})
			handles[*m.MessageId] = m.ReceiptHandle
		}
		if len(records) == 0 {
			continue // SQS has moved it into the dead-letter queue
		}
		ctx, cancel := context.WithCancel(w.t.Context())
		kill = cancel
		again := w.batch(ctx, records...)
		killed := ctx.Err() != nil
		cancel()
		if killed {
			deaths++
			continue
		}
		for _, r := range records {
			if !slices.Contains(again, r.MessageId) {
				_, err := sqs.NewFromConfig(w.aws.Config()).DeleteMessage(w.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &w.handler.queue.url, ReceiptHandle: handles[r.MessageId]})
				w.must(err)
			}
		}
	}
	w.t.Fatalf("the queue never gets empty: %v", w.aws.Queues.Messages(workers))
	return deaths
}

// TestAMessageThatKillsItsWorkerEndsItsRun: whoever waits for the run gets an answer,
// whoever looks at the dead letter finds a reason, and nobody else suffers.
func TestAMessageThatKillsItsWorkerEndsItsRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ fleet, throttled int }{
		"alone": {1, 0}, "among others": {10, 0}, "among many": {25, 0},
		"throttled first": {1, 1}, "throttled as often as may be": {1, maxUnanswered}, "throttled among others": {5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.fleet)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", test.fleet)
			w.queued(test.fleet)
			w.throttle(test.throttled)
			if deaths, want := w.serve(workspace(1)), maxUnanswered+lastChances-test.throttled; deaths != want {
				t.Errorf("%d workers died, want %d", deaths, want)
			}
			run, err := w.handler.table.Run(t.Context(), "run-1")
			if err != nil || run.Phase != rollout.Done || run.Failed != 1 || run.Changed+run.Unchanged != test.fleet-1 || w.finished() != 1 {
				t.Errorf("run %+v, error %v, %d events; want it done with one failed", run, err, w.finished())
			}
			for i := 2; i <= test.fleet; i++ {
				if got := w.values(i); got != "ONE" {
					t.Errorf("workspace %d: values %q", i, got)
				}
			}
			w.checkBuried("its worker died")
			w.checkBuried("or Lambda throttled the function")
		})
	}
}

// throttle lets so many deliveries of the whole queue, ten messages at most, pass
// without a call of the function: Lambda gives up when they are visible again.
func (w *world) throttle(deliveries int) {
	w.t.Helper()
	for range deliveries {
		if got, want := len(w.receive()), len(w.aws.Queues.Messages(workers)); got != want {
			w.t.Fatalf("received %d of %d messages", got, want)
		}
	}
}

// TestThrottledDeliveriesAreNoDeaths: whatever was never begun is worked on once the
// function runs again, however many of its receives are used up.
func TestThrottledDeliveriesAreNoDeaths(t *testing.T) {
	t.Parallel()
	for throttled := 1; throttled <= maxUnanswered; throttled++ {
		for _, fleet := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d of %d messages", throttled, fleet), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, fleet)
				w.desire(rollout.DefaultScope, "ONE")
				w.run("run-1", fleet)
				w.queued(fleet)
				w.throttle(throttled)
				w.serve("")
				run, err := w.handler.table.Run(t.Context(), "run-1")
				if err != nil || run.Phase != rollout.Done || run.Changed != fleet || w.finished() != 1 {
					t.Errorf("run %+v, error %v, %d events; want it done, all changed", run, err, w.finished())
				}
				w.checkBuried("")
			})
		}
	}
}

// TestWhatBecomesOfADeliveryAfterOthersWithoutAnswer: by how often this copy of the
// message was received, and how many deliveries the copies before it had.
func TestWhatBecomesOfADeliveryAfterOthersWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, receives int
		alone            bool
		want             error
		died             int
	}{
		"first":                                {0, 1, false, nil, 0},
		"second, among others":                 {0, 2, false, errApart, 1},
		"second, alone":                        {0, 2, true, nil, 1},
		"the last before it has been enough":   {0, maxUnanswered, true, nil, maxUnanswered - 1},
		"enough, alone":                        {0, maxUnanswered + 1, true, errApart, maxUnanswered},
		"enough, among others":                 {0, maxUnanswered + 1, false, errApart, maxUnanswered},
		"more than enough":                     {0, maxUnanswered + 5, true, errApart, maxUnanswered},
		"a copy's first":                       {maxUnanswered - 1, 1, false, nil, maxUnanswered - 1},
		"a copy's second, which makes enough":  {maxUnanswered - 1, 2, true, errApart, maxUnanswered},
		"the last copy's first":                {maxUnanswered, 1, false, nil, maxUnanswered},
		"the last copy's second, alone":        {maxUnanswered, 2, true, nil, maxUnanswered + 1},
		"the last copy's second, among others": {maxUnanswered, 2, false, errApart, maxUnanswered + 1},
		"the last copy's third":                {maxUnanswered, 3, true, errDied, maxUnanswered + 2},
		"the last copy's third, among others":  {maxUnanswered, 3, false, errDied, maxUnanswered + 2},
		"the last copy's own copy, first":      {maxUnanswered + 1, 1, false, nil, maxUnanswered + 1},
		"the last copy's own copy, second":     {maxUnanswered + 1, 2, true, errDied, maxUnanswered + 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := message(1)
			m.Died = test.before
			got := (&handler{}).admit(record("m", m, test.receives), test.alone)
			if !errors.Is(got.err, test.want) || got.message.Died != test.died {
				t.Errorf("%v after %d, want %v after %d", got.err, got.message.Died, test.want, test.died)
			}
		})
	}
}

// TestOutagesUseUpNoReceives: neither of the table nor of the bus, however long.
func TestOutagesUseUpNoReceives(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"GetItem", "TransactWriteItems", "PutEvents"} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 3)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", 3)
			w.queued(3)
			w.aws.Faults.Add(fault.Target(target), fault.First(40), fault.AWSError(400, "AccessDeniedException", ""))
			w.serve("")
			run, err := w.handler.table.Run(t.Context(), "run-1")
			if err != nil || run.Phase != rollout.Done || run.Failed != 0 || w.finished() == 0 {
				t.Errorf("run %+v, error %v, %d events; want it done", run, err, w.finished())
			}
			w.checkBuried("")
		})
	}
}

// TestSQSBuriesNothingUnseen ties maxUnanswered to the template: the receive that
// decides about a message has to be one that SQS permits.
func TestSQSBuriesNothingUnseen(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`maxReceiveCount: (\d+)`).FindAllStringSubmatch(string(template), -1)
	if len(found) != 1 {
		t.Fatalf("template.yaml has %q, want one maxReceiveCount", found)
	}
	if count, err := strconv.Atoi(found[0][1]); err != nil || count <= maxUnanswered {
		t.Errorf("template.yaml has %q, want more than %d", found[0][0], maxUnanswered)
	}
}
