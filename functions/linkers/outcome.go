package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

// end reports the outcome of a message to the bus and to its run, and puts a message
// that failed into the dead-letter queue. The event comes first: the run counts an
// outcome once however often it is reported, so an end that is cut short is repeated.
func (h *handler) end(ctx context.Context, d delivery, next next, cause error) error {
	d.applied.Outcome = outcomeOf(d.applied, cause)
	if cause != nil {
		d.applied.Reason = queue.Shorten(d.reason(cause))
	}
	for i := range d.applied.Linkers {
		d.applied.Linkers[i].Error = queue.Shorten(d.applied.Linkers[i].Error)
	}
	if d.message.ClientKey != "" { // a message that could not be read is part of no run
		if _, err := rollout.Send(ctx, h.bus, rollout.DetailApplied, d.applied); err != nil {
			return err
		}
		if err := h.report(ctx, d); err != nil {
			return err
		}
	}
	// Last, so that a message which comes back is not in the dead-letter queue already.
	if next == deadLetter {
		if err := h.queue.DeadLetter(ctx, d.record.Body, d.reason(cause)); err != nil {
			return err
		}
	}
	result := resultOf(d.applied)
	h.count(ctx, map[metrics.Name]int{metricOf(result.Outcome): 1, metrics.ValuesAdded: result.Added, metrics.ValuesRemoved: result.Removed})
	return nil
}

func (h *handler) report(ctx context.Context, d delivery) error {
	run, err := h.table.Report(ctx, d.message, resultOf(d.applied))
	if errors.Is(err, rollout.ErrNoRun) {
		return nil // a first sync, or the run is older than the table keeps them
	}
	if err != nil {
		return err
	}
	run, finished, err := rollout.Announce(ctx, h.table, h.bus, run)
	if finished {
		h.log.InfoContext(ctx, "run finished",
			slog.Int("changed", run.Changed), slog.Int("unchanged", run.Unchanged), slog.Int("failed", run.Failed), slog.Int("skipped", run.Skipped))
	}
	return err
}

// tell logs what did not go as asked. Skipping is everyday, waiting may pass, a dead
// letter needs a person.
func (h *handler) tell(ctx context.Context, d delivery, next next, err error) {
	if err == nil {
		return
	}
	level := slog.LevelWarn
	switch {
	case next == deadLetter:
		level = slog.LevelError
	case errors.Is(err, errSkipped), errors.Is(err, errWaits):
		level = slog.LevelInfo
	}
	h.log.LogAttrs(ctx, level, "message not applied",
		slog.String("client_key", d.message.ClientKey), slog.Int("receives", d.receives()), slog.String("error", err.Error()))
}

// outcomeOf is what a message counts as.
func outcomeOf(applied rollout.Applied, err error) rollout.Outcome {
	switch {
	case errors.Is(err, errSkipped):
		return rollout.Skipped
	case err != nil:
		return rollout.Failed
	case changed(applied):
		return rollout.Changed
	}
	return rollout.Unchanged
}

// resultOf sums what an installation's linkers took.
func resultOf(applied rollout.Applied) rollout.Result {
	result := rollout.Result{Outcome: applied.Outcome}
	for _, linker := range applied.Linkers {
		result.Added += linker.Added
		result.Removed += linker.Removed
	}
	return result
}

func metricOf(outcome rollout.Outcome) metrics.Name {
	switch outcome {
	case rollout.Changed:
		return metrics.InstallationsChanged
	case rollout.Unchanged:
		return metrics.InstallationsUnchanged
	case rollout.Failed:
		return metrics.InstallationsFailed
	}
	return metrics.InstallationsSkipped
}
