package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/rollout"
)

// reserve is the time that is left for recording where an interrupted run goes on.
const reserve = 15 * time.Second

// dispatch opens the order's run, or goes on with it, and queues its messages.
func (h *handler) dispatch(ctx context.Context, o order) (result, error) {
	// First of all: an event that comes twice must not bring its manifest back.
	run, err := h.table.Run(ctx, o.run)
	switch {
	case errors.Is(err, rollout.ErrNoRun):
	case err != nil:
		return result{Run: o.run}, err
	case run.Refused != "":
		return result{Run: run.ID}, fmt.Errorf("%w: %s", rollout.ErrRefused, run.Refused)
	case run.Phase != rollout.Dispatching:
		run, _, err = rollout.Settle(ctx, h.table, h.bus, run)
		return result{Run: run.ID, Queued: run.Total, Note: "this event was dispatched before"}, err
	}
	target, err := h.decide(ctx, o)
	if errors.Is(err, errIgnored) && run.Phase == rollout.Dispatching {
		return h.end(ctx, run, err)
	}
	if err != nil {
		return result{Run: o.run}, err
	}
	return h.queueRun(ctx, o, target)
}

// decide settles what the run is to apply, and to whom. errIgnored when there is
// nothing to do for it, or nothing more.
func (h *handler) decide(ctx context.Context, o order) (target, error) {
	if o.task == rollout.TaskValues {
		stop, up, err := h.table.Stopped(ctx, h.app)
		if err != nil {
			return target{}, err
		}
		if up {
			return target{}, fmt.Errorf("%w: stopped since %s: %s", errIgnored, stop.Since.UTC().Format(time.RFC3339), stop.Reason)
		}
	}
	return h.settleState(ctx, o)
}

// end ends a run that an earlier attempt began and that none will go on with: otherwise
// whoever waits for it would wait for ever.
func (h *handler) end(ctx context.Context, run rollout.Run, why error) (result, error) {
	reason := strings.TrimPrefix(why.Error(), errIgnored.Error()+": ")
	run, err := h.table.EndRun(ctx, run, fmt.Sprintf("ended after %d installations: %s", run.Queued, reason))
	if err != nil {
		return result{Run: run.ID, Queued: run.Queued}, err
	}
	run, _, err = rollout.Settle(ctx, h.table, h.bus, run)
	return result{Run: run.ID, Queued: run.Queued, Note: run.Note}, err
}

// queueRun opens the run, or goes on with it, up to its last message.
func (h *handler) queueRun(ctx context.Context, o order, target target) (result, error) {
	run, err := h.table.OpenRun(ctx, o.run, h.app)
	if err != nil {
		return result{Run: o.run}, err
	}
	replaced := target.overtaken()
	if replaced != "" {
		if err := h.table.NoteRun(ctx, run, replaced); err != nil {
			return result{Run: run.ID, Queued: run.Queued}, err
		}
	}
	if run, err = h.queueAll(ctx, run, o, target); err != nil {
		return result{Run: run.ID, Queued: run.Queued}, err
	}
	run, _, err = rollout.Settle(ctx, h.table, h.bus, run)
	return result{Run: run.ID, Queued: run.Total, Note: join(replaced, target.missing(run.Total))}, err
}

// join puts the notes that there are into one.
func join(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(note string) bool { return note == "" }), "; ")
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
	if err := h.metrics.Count(map[metrics.Name]int{metrics.MessagesQueued: len(messages)}); err != nil {
		h.log.WarnContext(ctx, "metrics not written", slog.String("error", err.Error()))
	}
	return seen.Record(ctx, run, clientKeys)
}
