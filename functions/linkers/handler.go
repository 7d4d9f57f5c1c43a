package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
)

// reportTime is how long before the deadline work is cut short, so that there is time to
// report what came of it.
const reportTime = 8 * time.Second

// handler takes one queue message, or one message by direct invoke, to a worker, and
// decides what becomes of it.
type handler struct {
	log     *slog.Logger
	app     string
	worker  worker
	table   *rollout.Table
	bus     rollout.Bus
	queue   queue.Queue
	watch   *removal.Watch
	newest  newest
	metrics *metrics.Writer
	now     func() time.Time
}

// Handle takes an SQS event, or a queue.Message by direct invoke. template.yaml sets
// the batch size to 1; records of a larger batch are taken one after the other.
func (h *handler) Handle(ctx context.Context, raw json.RawMessage) (answer any, err error) {
	defer startup.Recover(ctx, h.log, &err)
	var batch events.SQSEvent
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, fmt.Errorf("%w: the event is not a JSON object", rollout.ErrRefused)
	}
	if batch.Records == nil {
		return h.direct(ctx, raw)
	}
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, record := range batch.Records {
		if !h.record(ctx, record) {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return response, nil
}

// direct does one message at once and answers with what changed, or its error.
func (h *handler) direct(ctx context.Context, raw []byte) (rollout.Applied, error) {
	message, err := decode(raw)
	if err != nil {
		return rollout.Applied{}, err
	}
	applied, err := h.worker.do(ctx, message)
	applied.Outcome = outcomeOf(applied, err)
	if errors.Is(err, errSkipped) {
		applied.Reason, err = err.Error(), nil
	}
	return applied, err
}

// decode reads a message. Errors are rollout.ErrRefused: no attempt can do better.
func decode(body []byte) (queue.Message, error) {
	var message queue.Message
	if err := json.Unmarshal(body, &message); err != nil {
		return queue.Message{}, fmt.Errorf("%w: the message is not as documented", rollout.ErrRefused)
	}
	if message.ClientKey == "" || (message.Task != queue.TaskValues && message.Task != queue.TaskAddon) {
		return queue.Message{}, fmt.Errorf("%w: the message names no client key, or no task that is known", rollout.ErrRefused)
	}
	return message, nil
}

// record takes one message to its end, or makes it wait. done is true when SQS may
// delete the message.
func (h *handler) record(ctx context.Context, record events.SQSMessage) (done bool) {
	d := delivery{record: record, now: h.now()}
	var err error
	d.message, err = decode([]byte(record.Body))
	ctx = startup.WithRun(ctx, d.message.Run)
	if err == nil {
		d.applied = rollout.Applied{Run: d.message.Run, App: h.app, ClientKey: d.message.ClientKey, Task: d.message.Task}
		err = h.attempt(ctx, &d)
	}
	next := d.next(err)
	h.tell(ctx, d, next, err)
	if next != wait {
		err = h.end(ctx, d, next, err)
		if err == nil {
			return true
		}
		h.log.ErrorContext(ctx, "outcome not reported: the message comes back", slog.String("client_key", d.message.ClientKey), slog.String("error", err.Error()))
	}
	h.wait(ctx, d, err)
	return false
}

// attempt works on a message unless it has to wait, or an earlier delivery has shown
// that no attempt survives it.
func (h *handler) attempt(ctx context.Context, d *delivery) (err error) {
	defer startup.Recover(ctx, h.log, &err)
	if d.receives() > 1 {
		begun, err := h.table.BeginAttempt(ctx, d.record.MessageId)
		if err != nil {
			return err
		}
		if begun > maxUnanswered {
			return errUnanswered
		}
	}
	if d.message.Task == queue.TaskValues { // PUT /addon is not among the endpoints that go away
		if err := h.mayWork(ctx, d); err != nil {
			return err
		}
	}
	working, cancel := cutShort(ctx)
	defer cancel()
	d.applied, err = h.worker.do(working, d.message)
	if !removal.Evidence(err) {
		return err
	}
	state, suspectErr := h.watch.Suspect(ctx, err)
	switch {
	case suspectErr != nil:
		return suspectErr
	case state.IsSuspected():
		return fmt.Errorf("%w: %s", errWaits, state)
	case state.IsStopped():
		return fmt.Errorf("%w: %s", errSkipped, state)
	}
	// The probe found the endpoint, so the answer was a brownout's last, or of a part of Bitbucket.
	return fmt.Errorf("%w: Bitbucket has the linker endpoints again after %s", errPassed, err.Error())
}

// mayWork tells by its error that a message has to wait, or that it needs no work.
func (h *handler) mayWork(ctx context.Context, d *delivery) error {
	state, err := h.watch.Look(ctx)
	switch {
	case err != nil:
		return err
	case state.IsStopped():
		return fmt.Errorf("%w: %s", errSkipped, state)
	case state.IsSuspected():
		return fmt.Errorf("%w: %s", errWaits, state)
	case d.message.Scope == "" || d.receives() > 1:
		// A delivery before this one may have written an old manifest's values after the
		// newer message was done: it has to look again.
		return nil
	}
	newest, err := h.newest.of(ctx, h.table, h.app, d.message.Scope, h.now())
	if err == nil && newest > d.message.Revision {
		err = fmt.Errorf("%w: a newer manifest is on its way", errSkipped)
	}
	return err
}

// cutShort returns a context that ends while there is still time to report.
func cutShort(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-reportTime))
	}
	return context.WithCancel(ctx)
}

// wait hides the message until it is worth another attempt. When that fails, SQS
// delivers it again after the queue's visibility timeout.
func (h *handler) wait(ctx context.Context, d delivery, cause error) {
	err := h.queue.Wait(ctx, d.record.ReceiptHandle, d.pause(cause))
	if d.receives() > 1 {
		err = errors.Join(err, h.table.EndAttempt(ctx, d.record.MessageId))
	}
	if err != nil {
		h.log.ErrorContext(ctx, "message not put back in time", slog.String("client_key", d.message.ClientKey), slog.String("error", err.Error()))
	}
	h.count(ctx, map[metrics.Name]int{metrics.MessagesDeferred: 1})
}

func (h *handler) count(ctx context.Context, counts map[metrics.Name]int) {
	if err := h.metrics.Count(counts); err != nil {
		h.log.WarnContext(ctx, "metrics not written", slog.String("error", err.Error()))
	}
}
