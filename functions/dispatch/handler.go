package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/rollout"
)

// reserve is the time that is left for recording where an interrupted run goes on.
const reserve = 15 * time.Second

// lister is the part of the installation store that dispatch uses: one page of
// installations, without their secrets.
type lister interface {
	List(ctx context.Context, cursor string) (page []installation.Installation, next string, err error)
}

// handler turns events into queue messages.
type handler struct {
	log     *slog.Logger
	app     string
	bucket  string
	store   lister
	desired rollout.Desired
	table   *rollout.Table
	bus     rollout.Bus
	queue   *queue
	metrics *metrics.Writer
	now     func() time.Time
}

// result answers a direct invoke, and is logged.
type result struct {
	Run string `json:"run"`
	// Queued counts the installations that the run looks at.
	Queued int `json:"queued"`
	// Note says why nothing was queued.
	Note string `json:"note,omitempty"`
}

// Handle takes any event of template.yaml's rules, or a direct invoke. An error
// makes Lambda repeat the event, and put it into the dead-letter queue with the
// error's text when it keeps failing.
func (h *handler) Handle(ctx context.Context, raw json.RawMessage) (answer result, err error) {
	defer startup.Recover(ctx, h.log, &err)
	requestID := ""
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		requestID = invocation.AwsRequestID
	}
	o, err := read(raw, requestID, h.now(), deployment{app: h.app, bucket: h.bucket})
	if err == nil {
		answer, err = h.dispatch(ctx, o)
	}
	switch {
	case errors.Is(err, errIgnored) || errors.Is(err, rollout.ErrOvertaken):
		answer.Note, err = err.Error(), nil
		answer.Run = o.run
		h.log.InfoContext(ctx, "event ignored", slog.String("run", o.run), slog.String("reason", answer.Note))
	case err != nil:
		if errors.Is(err, rollout.ErrRefused) && o.run != "" {
			h.refuse(ctx, o.run, err)
		}
		h.log.ErrorContext(ctx, "dispatch failed", slog.String("run", o.run), slog.String("error", err.Error()))
	default:
		h.log.InfoContext(ctx, "dispatched", slog.String("run", answer.Run), slog.Int("queued", answer.Queued), slog.String("note", answer.Note))
	}
	return answer, err
}

// refuse tells whoever waits for the run that there won't be one. The event is still
// an error, which brings it to the dead-letter queue: an attempt that can't tell is
// followed by two others.
func (h *handler) refuse(ctx context.Context, id string, refusal error) {
	reason := strings.TrimPrefix(refusal.Error(), rollout.ErrRefused.Error()+": ")
	run, err := h.table.RefuseRun(ctx, id, h.app, reason)
	if err == nil {
		_, _, err = rollout.Settle(ctx, h.table, h.bus, run)
	}
	if err != nil {
		h.log.ErrorContext(ctx, "refusal not recorded", slog.String("run", id), slog.String("error", err.Error()))
	}
}

// dispatch opens the order's run, or goes on with it, and queues its messages.
func (h *handler) dispatch(ctx context.Context, o order) (result, error) {
	// First of all: an event that comes twice must not bring its manifest back.
	run, err := h.table.Run(ctx, o.run)
	if err == nil && run.Refused != "" {
		return result{Run: run.ID}, fmt.Errorf("%w: %s", rollout.ErrRefused, run.Refused)
	}
	if err == nil && run.Phase != rollout.Dispatching {
		run, _, err = rollout.Settle(ctx, h.table, h.bus, run)
		return result{Run: run.ID, Queued: run.Total, Note: "this event was dispatched before"}, err
	}
	if err != nil && !errors.Is(err, rollout.ErrNoRun) {
		return result{Run: o.run}, err
	}
	if o.task == rollout.TaskValues {
		stop, up, err := h.table.Stopped(ctx, h.app)
		if err != nil {
			return result{Run: o.run}, err
		}
		if up {
			return result{Run: o.run, Note: fmt.Sprintf("stopped since %s: %s", stop.Since.UTC().Format(time.RFC3339), stop.Reason)}, nil
		}
	}
	target, err := h.settleState(ctx, o)
	if err != nil {
		return result{Run: o.run}, err
	}
	if run, err = h.table.OpenRun(ctx, o.run, h.app); err != nil {
		return result{Run: o.run}, err
	}
	if run, err = h.queueAll(ctx, run, o, target); err != nil {
		return result{Run: run.ID, Queued: run.Queued}, err
	}
	run, _, err = rollout.Settle(ctx, h.table, h.bus, run)
	return result{Run: run.ID, Queued: run.Total, Note: target.missing(run.Total)}, err
}

// queueAll goes through the installations page by page and remembers each page, so
// that a run which is interrupted goes on where it stopped.
func (h *handler) queueAll(ctx context.Context, run rollout.Run, o order, target target) (rollout.Run, error) {
	seen, err := h.table.Seen(ctx, run)
	if err != nil {
		return run, err
	}
	for run.Phase == rollout.Dispatching {
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(h.now()) < reserve {
			return run, fmt.Errorf("run %s: out of time after %d installations; the next attempt goes on from here", run.ID, run.Queued)
		}
		page, next, err := h.store.List(ctx, run.Cursor)
		if errors.Is(err, installation.ErrCursor) {
			if run, err = h.table.RestartRun(ctx, run); err != nil {
				return run, err
			}
			continue
		}
		if err != nil {
			return run, fmt.Errorf("run %s: %w", run.ID, err)
		}
		messages := target.messages(run.ID, o, page, seen)
		if err := h.queuePage(ctx, run, messages, seen); err != nil {
			return run, fmt.Errorf("run %s: %w", run.ID, err)
		}
		if run, err = h.table.AdvanceRun(ctx, run, len(messages), next); err != nil {
			return run, err
		}
	}
	return run, nil
}

// queuePage queues the messages of a page, and records whom they are for.
func (h *handler) queuePage(ctx context.Context, run rollout.Run, messages []rollout.Message, seen *rollout.Seen) error {
	if len(messages) == 0 {
		return nil
	}
	if err := h.queue.send(ctx, messages); err != nil {
		return err
	}
	clientKeys := make([]string, len(messages))
	for i, message := range messages {
		clientKeys[i] = message.ClientKey
	}
	return errors.Join(seen.Record(ctx, run, clientKeys), h.metrics.Count(map[metrics.Name]int{metrics.MessagesQueued: len(messages)}))
}
