package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/linkersync/linkersync/shared/rollout"
	simsqs "github.com/linkersync/linkersync/shared/simulator/aws/sqs"
	"github.com/linkersync/linkersync/shared/simulator/fault"
)

// queued puts messages of run-1 into the workers' queue, as dispatch does.
func (w *world) queued(count int) {
	w.t.Helper()
	for i := 1; i <= count; i++ {
		w.must(w.handler.queue.again(w.t.Context(), message(i)))
	}
}

// serve delivers the queue's messages in batches, as Lambda's event source does,
// until the queue is empty. A batch that calls Bitbucket for the doomed workspace is
// cut off there, as if the process had been killed. It returns how many were.
func (w *world) serve(doomed string) (deaths int) {
	w.t.Helper()
	client := sqs.NewFromConfig(w.aws.Config())
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
		left := w.aws.Queues.Messages(workers)
		if len(left) == 0 {
			return deaths
		}
		// To the next message, and a second on, for which Lambda fills a batch.
		next := slices.MinFunc(left, func(a, b simsqs.Message) int { return a.VisibleAt.Compare(b.VisibleAt) }).VisibleAt
		w.ahead.Add(int64(max(0, time.Until(next)-time.Duration(w.ahead.Load()))) + int64(time.Second))
		received, err := client.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &w.handler.queue.url, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"},
		})
		w.must(err)
		var records []events.SQSMessage
		handles := map[string]*string{}
		for _, m := range received.Messages {
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
				_, err := client.DeleteMessage(w.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &w.handler.queue.url, ReceiptHandle: handles[r.MessageId]})
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
	for name, fleet := range map[string]int{"alone": 1, "among others": 10, "among many": 25} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fleet)
			w.desire(rollout.DefaultScope, "ONE")
			w.run("run-1", fleet)
			w.queued(fleet)
			if deaths := w.serve(workspace(1)); deaths != maxDeaths {
				t.Errorf("%d workers died, want %d", deaths, maxDeaths)
			}
			run, err := w.handler.table.Run(t.Context(), "run-1")
			if err != nil || run.Phase != rollout.Done || run.Failed != 1 || run.Changed+run.Unchanged != fleet-1 || w.finished() != 1 {
				t.Errorf("run %+v, error %v, %d events; want it done with one failed", run, err, w.finished())
			}
			for i := 2; i <= fleet; i++ {
				if got := w.values(i); got != "ONE" {
					t.Errorf("workspace %d: values %q", i, got)
				}
			}
			w.checkBuried("no delivery of it ever came to an end")
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

// TestTheLastReceiveIsForBurying ties maxDeaths to the template.
func TestTheLastReceiveIsForBurying(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`maxReceiveCount: (\d+)`).FindAllSubmatch(template, -1)
	if want := string(rune('0' + maxDeaths + 1)); len(found) != 1 || string(found[0][1]) != want {
		t.Errorf("template.yaml has %q, want one maxReceiveCount of %s", found, want)
	}
}
