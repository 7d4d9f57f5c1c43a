package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// parallel installations of a batch are worked on at a time; they wait for
	// Bitbucket, not for each other.
	parallel = 4
	// reserve is the time that is left for reporting what a batch came to. Messages
	// not begun by then go back to the queue.
	reserve = 15 * time.Second
	// maxReceives is the queue's maxReceiveCount in template.yaml. The last attempt
	// puts a failing message into the dead-letter queue itself, with the reason.
	maxReceives = 5
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
	return h.batch(ctx, batch.Records)
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

// work is one record on its way through a batch.
type work struct {
	record  events.SQSMessage
	message rollout.Message
	applied rollout.Applied
	err     error
	// begun is false for a record that there was no time for.
	begun bool
}

// batch works on the records and reports them together. It answers with the
// records that SQS shall deliver again.
func (h *handler) batch(ctx context.Context, records []events.SQSMessage) (events.SQSEventResponse, error) {
	gate, err := h.openGate(ctx)
	if err != nil {
		return events.SQSEventResponse{}, err
	}
	all := make([]*work, len(records))
	var group errgroup.Group
	group.SetLimit(parallel)
	prefetched := &states{}
	for i, record := range records {
		w := &work{record: record}
		all[i] = w
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
			continue
		}
		w.begun = true
		group.Go(func() error {
			h.one(ctx, gate, w, prefetched)
			return nil
		})
	}
	_ = group.Wait() // no goroutine of it returns an error
	return h.settle(ctx, all)
}

// one does a record's work; a panic fails the record, not its batch.
func (h *handler) one(ctx context.Context, gate *gate, w *work, prefetched *states) {
	defer startup.Recover(ctx, h.log, &w.err)
	if w.message, w.err = decode([]byte(w.record.Body)); w.err != nil {
		return
	}
	if w.err = gate.pass(ctx, w.message); w.err != nil {
		w.applied = rollout.Applied{Run: w.message.Run, App: h.app, ClientKey: w.message.ClientKey, Task: w.message.Task}
		return
	}
	w.applied, w.err = h.worker.do(ctx, w.message, prefetched)
	if errors.Is(w.err, bitbucket.ErrEndpointRemoved) {
		gate.close(w.err)
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

// decode reads a message. Errors are rollout.ErrRefused: no attempt can do better.
func decode(body []byte) (rollout.Message, error) {
	var message rollout.Message
	if err := json.Unmarshal(body, &message); err != nil {
		return message, fmt.Errorf("%w: the message is not as documented", rollout.ErrRefused)
	}
	if message.ClientKey == "" || (message.Task != rollout.TaskValues && message.Task != rollout.TaskAddon) {
		return message, fmt.Errorf("%w: the message names no client key, or no task that is known", rollout.ErrRefused)
	}
	return message, nil
}

// gate keeps messages out that need no work: the app is stopped, or a newer
// manifest is on its way. It asks the table once a batch.
type gate struct {
	table *rollout.Table
	app   string

	mu     sync.Mutex
	closed error
	newest map[string]int64
}

func (h *handler) openGate(ctx context.Context) (*gate, error) {
	g := &gate{table: h.table, app: h.app, newest: map[string]int64{}}
	stop, up, err := h.table.Stopped(ctx, h.app)
	if up {
		g.closed = errors.New(stop.Reason)
	}
	return g, err
}

func (g *gate) close(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = cause
}

// pass returns errSkipped with the reason when there is nothing to do.
func (g *gate) pass(ctx context.Context, message rollout.Message) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if message.Task != rollout.TaskValues {
		return nil // PUT /addon is not among the endpoints that go away
	}
	if g.closed != nil {
		return fmt.Errorf("%w: all updates are stopped: %w", errSkipped, g.closed)
	}
	if message.Scope == "" {
		return nil
	}
	newest, known := g.newest[message.Scope]
	if !known {
		var err error
		if newest, err = g.table.Newest(ctx, g.app, message.Scope); err != nil {
			return err
		}
		g.newest[message.Scope] = newest
	}
	if newest > message.Revision {
		return fmt.Errorf("%w: a newer manifest is on its way", errSkipped)
	}
	return nil
}
