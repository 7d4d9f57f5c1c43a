package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// parallel installations of a batch are worked on at a time; they wait for
	// Bitbucket, not for each other. The template's batch of 20 takes five rounds of
	// calls, none of them half empty.
	parallel = 4
	// reserve is how long before the deadline no more work is begun: an installation
	// with a few linkers takes a few seconds. What is not begun goes back to the queue.
	reserve = 20 * time.Second
	// settling is how long before the deadline work that is begun is cut short, so
	// that there is time to report the rest.
	settling = 8 * time.Second
)

// handler takes queue messages, or one message by direct invoke, to a worker, and
// decides what becomes of each.
type handler struct {
	log     *slog.Logger
	app     string
	worker  worker
	table   *rollout.Table
	bus     rollout.Bus
	queue   *queue
	metrics *metrics.Writer
	now     func() time.Time
}

// Handle takes an SQS event, or a rollout.Message by direct invoke.
func (h *handler) Handle(ctx context.Context, raw json.RawMessage) (answer any, err error) {
	defer startup.Recover(ctx, h.log, &err)
	var batch events.SQSEvent
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, fmt.Errorf("%w: the event is not a JSON object", rollout.ErrRefused)
	}
	if batch.Records == nil {
		return h.direct(ctx, raw)
	}
	return h.batch(ctx, batch.Records), nil
}

// direct does one message at once and answers with what changed, or its error.
func (h *handler) direct(ctx context.Context, raw []byte) (rollout.Applied, error) {
	message, err := decode(raw)
	if err != nil {
		return rollout.Applied{}, err
	}
	applied, err := h.worker.do(ctx, message, &states{})
	applied.Outcome = outcomeOf(applied, err)
	if errors.Is(err, errSkipped) {
		applied.Reason, err = err.Error(), nil
	}
	return applied, err
}

// batch works on the records and reports them together. It answers with the
// records that SQS shall deliver again.
func (h *handler) batch(ctx context.Context, records []events.SQSMessage) events.SQSEventResponse {
	all := make([]*work, len(records))
	for i, record := range records {
		all[i] = h.admit(record, len(records) == 1)
	}
	gate, err := h.openGate(ctx)
	if err != nil {
		// SQS would deliver all of it again, and use up the receives of each.
		h.log.ErrorContext(ctx, "the table can't be asked: the batch is put back", slog.String("error", err.Error()))
		for _, w := range all {
			w.begun, w.err = true, cmp.Or(w.err, err)
		}
		return h.settle(ctx, all)
	}
	h.workOn(ctx, gate, all)
	if cause := gate.conclude(); cause != nil {
		h.stop(ctx, cause)
	}
	for _, w := range all {
		w.err = gate.verdict(w)
	}
	return h.settle(ctx, all)
}

// workOn does what is admitted, as far as there is time.
func (h *handler) workOn(ctx context.Context, gate *gate, all []*work) {
	var group errgroup.Group
	group.SetLimit(parallel)
	prefetched := &states{}
	working, cancel := cutShort(ctx)
	defer cancel()
	for _, w := range all {
		if w.err != nil {
			continue
		}
		group.Go(func() error {
			// Asked when its turn has come, which may be long after the batch did.
			if deadline, ok := ctx.Deadline(); ok && deadline.Sub(h.now()) < reserve {
				return nil
			}
			w.begun = true
			h.one(working, gate, w, prefetched)
			return nil
		})
	}
	_ = group.Wait() // no goroutine of it returns an error
}

// cutShort returns a context that ends while there is still time to settle.
func cutShort(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-settling))
	}
	return context.WithCancel(ctx)
}

// one does a record's work; a panic fails the record, not its batch.
func (h *handler) one(ctx context.Context, gate *gate, w *work, prefetched *states) {
	defer startup.Recover(ctx, h.log, &w.err)
	if w.err = gate.pass(ctx, w.message); w.err != nil {
		return
	}
	w.applied, w.err = h.worker.do(ctx, w.message, prefetched)
	w.message.Died = 0 // it can be lived through
	if w.message.Task == rollout.TaskValues && gate.learn(w.message.ClientKey, w.err) {
		h.stop(ctx, w.err)
	}
}

// stop raises the flag that every worker and dispatch honour. Whoever raises it
// says so loudly; everybody else stays quiet.
func (h *handler) stop(ctx context.Context, cause error) {
	first, err := h.table.SetStop(ctx, h.app, cause.Error())
	if err != nil {
		h.log.ErrorContext(ctx, "stop flag not raised", slog.String("error", err.Error()))
		return
	}
	if first {
		h.log.ErrorContext(ctx, "bitbucket removed the linker endpoints: all updates stop for a day, see docs/operate.md", slog.String("error", cause.Error()))
		h.count(ctx, map[metrics.Name]int{metrics.EndpointRemoved: 1})
	}
}

func (h *handler) count(ctx context.Context, counts map[metrics.Name]int) {
	if err := h.metrics.Count(counts); err != nil {
		h.log.WarnContext(ctx, "metrics not written", slog.String("error", err.Error()))
	}
}
