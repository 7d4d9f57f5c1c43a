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
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
)

// reserve is the time that is left for recording where an interrupted run goes on.
const reserve = 15 * time.Second

// dispatch opens the order's run, or goes on with it, and queues its messages.
func (h *handler) dispatch(ctx context.Context, o order) (result, error) {
	if o.scheduled {
		h.closeRuns(ctx)
	}
	// Before anything is stored: an event that comes twice must not bring its manifest back.
	run, err := h.table.Run(ctx, o.run)
	switch {
	case errors.Is(err, rollout.ErrNoRun):
	case err != nil:
		return result{Run: o.run}, err
	case run.Refused != "":
		return result{Run: run.ID}, fmt.Errorf("%w: %s", rollout.ErrRefused, run.Refused)
	case run.Phase != rollout.Dispatching:
		if run, err = h.table.CountPages(ctx, run); err == nil {
			run, _, err = rollout.Announce(ctx, h.table, h.bus, run)
		}
		return result{Run: run.ID, Queued: run.Total, Note: "this event was dispatched before"}, err
	}
	target, err := h.resolve(ctx, o)
	if errors.Is(err, errIgnored) && run.Phase == rollout.Dispatching {
		return h.end(ctx, run, err)
	}
	if err != nil {
		return result{Run: o.run}, err
	}
	return h.queueRun(ctx, o, target)
}

// closeRuns ends runs that can't finish. While work waits for the linker endpoints, and
// for an hour after that, every run has a reason to take longer.
func (h *handler) closeRuns(ctx context.Context) {
	state, err := h.watch.Look(ctx)
	if err == nil && (state.IsSuspected() || h.now().Sub(state.Cleared) < time.Hour) {
		return
	}
	closed := 0
	if err == nil {
		closed, err = h.table.CloseRuns(ctx, h.bus, h.app)
	}
	if closed > 0 {
		h.log.ErrorContext(ctx, "runs closed that could not finish: their Run Finished events have the reason", slog.Int("runs", closed))
	}
	if err != nil { // the next schedule tries again
		h.log.ErrorContext(ctx, "old runs not closed", slog.String("error", err.Error()))
	}
}

// end ends a run that an earlier attempt began and that no attempt will go on with, so
// that those who wait for it hear of its end.
func (h *handler) end(ctx context.Context, run rollout.Run, why error) (result, error) {
	reason := strings.TrimPrefix(why.Error(), errIgnored.Error()+": ")
	run, err := h.table.EndRun(ctx, run, fmt.Sprintf("ended after %d installations: %s", run.Queued, reason))
	if err != nil {
		return result{Run: run.ID, Queued: run.Queued}, err
	}
	run, _, err = rollout.Announce(ctx, h.table, h.bus, run)
	return result{Run: run.ID, Queued: run.Queued, Note: run.Note}, err
}

// stopped ends a run of an app whose linker updates are stopped. What its event desires
// is stored, and the first schedule after the stop applies it.
func (h *handler) stopped(ctx context.Context, run rollout.Run, state removal.State) (result, error) {
	run, err := h.table.RefuseRun(ctx, run.ID, h.app, "linker updates are "+state.String()+"; what is desired is stored and applied when they go on")
	if err == nil {
		run, _, err = rollout.Announce(ctx, h.table, h.bus, run)
	}
	return result{Run: run.ID, Queued: run.Queued, Note: run.Refused}, err
}

// queueRun opens the run, or goes on with it, up to its last message.
func (h *handler) queueRun(ctx context.Context, o order, target target) (result, error) {
	run, err := h.table.OpenRun(ctx, o.run, h.app)
	if err != nil {
		return result{Run: o.run}, err
	}
	if o.task == queue.TaskValues { // PUT /addon is not among the endpoints that go away
		state, err := h.watch.Look(ctx)
		if err != nil {
			return result{Run: run.ID}, err
		}
		if state.IsStopped() {
			return h.stopped(ctx, run, state)
		}
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
	run, _, err = rollout.Announce(ctx, h.table, h.bus, run)
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
		page, next, err := h.store.List(ctx, run.ListFrom())
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
		name, err := h.queuePage(ctx, run, messages)
		if err != nil {
			return run, fmt.Errorf("run %s: %w", run.ID, err)
		}
		if run, err = h.table.AdvanceRun(ctx, run, name, len(messages), next); err != nil {
			return run, err
		}
	}
	return run, nil
}

// queuePage records whom a page of messages is for, and queues the messages. The name is
// the page's, "" for no messages.
func (h *handler) queuePage(ctx context.Context, run rollout.Run, messages []queue.Message) (name string, err error) {
	if len(messages) == 0 {
		return "", nil
	}
	clientKeys := make([]string, len(messages))
	for i, message := range messages {
		clientKeys[i] = message.ClientKey
	}
	if name, err = h.table.OpenPage(ctx, run, clientKeys); err != nil {
		return "", err
	}
	for i := range messages {
		messages[i].Page = name
	}
	if err := h.queue.Send(ctx, messages...); err != nil {
		return "", err
	}
	if err := h.metrics.Count(map[metrics.Name]int{metrics.MessagesQueued: len(messages)}); err != nil {
		h.log.WarnContext(ctx, "metrics not written", slog.String("error", err.Error()))
	}
	return name, nil
}
