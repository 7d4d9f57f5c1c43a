package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/shared/rollout"
)

// outcomeOf is what a message that is finished, or buried, counts as.
func outcomeOf(applied rollout.Applied, err error) rollout.Outcome {
	switch {
	case skipped(err):
		return rollout.Skipped
	case err != nil:
		return rollout.Failed
	case changed(applied):
		return rollout.Changed
	}
	return rollout.Unchanged
}

// settle acts on every record's fate and reports the batch: to the runs, to the
// bus, as metrics. What can't be settled is delivered again, by SQS.
func (h *handler) settle(ctx context.Context, all []*work) events.SQSEventResponse {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	counts := map[metrics.Name]int{}
	again := func(w *work) {
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: w.record.MessageId})
	}
	putBack := func(is fate, w *work) {
		if err := h.putBack(ctx, is, w); err != nil {
			h.log.ErrorContext(ctx, "message not put back", slog.String("error", err.Error()))
			again(w)
			return
		}
		counts[metrics.MessagesDeferred]++
	}
	var ended []*work
	for _, w := range all {
		is := fateOf(w, h.now())
		h.tell(ctx, is, w)
		if is != finished && is != buried {
			putBack(is, w)
			continue
		}
		w.conclude()
		ended = append(ended, w)
	}
	reported, unreported := h.report(ctx, ended)
	for _, w := range unreported {
		// A receive counts against it (admit), so SQS does it only as a last resort.
		if h.now().Sub(w.message.Since) < maxAge {
			putBack(deferred, w)
			continue
		}
		again(w)
	}
	// Last, so that what is delivered again is not in the dead-letter queue already.
	for _, w := range reported {
		if err := h.bury(ctx, w); err != nil {
			h.log.ErrorContext(ctx, "message not put into the dead-letter queue", slog.String("error", err.Error()))
			again(w)
			continue
		}
		tally(counts, w.applied)
	}
	h.count(ctx, counts)
	return response
}

// conclude completes what is told about a record that has an outcome.
func (w *work) conclude() {
	w.applied.Outcome = outcomeOf(w.applied, w.err)
	if w.err != nil {
		w.applied.Reason = shorten(w.err.Error(), reasonLimit)
	}
	for i := range w.applied.Linkers {
		w.applied.Linkers[i].Error = shorten(w.applied.Linkers[i].Error, reasonLimit)
	}
}

func (h *handler) putBack(ctx context.Context, is fate, w *work) error {
	switch is {
	case returned:
		return h.queue.again(ctx, w.message)
	case apart:
		return h.queue.apart(ctx, w.message)
	}
	return h.queue.later(ctx, w.message, h.now())
}

// bury puts a message whose fate that is into the dead-letter queue.
func (h *handler) bury(ctx context.Context, w *work) error {
	if fateOf(w, h.now()) != buried {
		return nil
	}
	return h.queue.bury(ctx, w.record.Body, w.err.Error())
}

// tell logs what did not go as asked.
func (h *handler) tell(ctx context.Context, is fate, w *work) {
	if w.err != nil {
		h.log.LogAttrs(ctx, levelOf(is, w.err), "message not applied",
			slog.String("client_key", w.message.ClientKey), slog.String("run", w.message.Run), slog.String("error", w.err.Error()))
	}
}

func tally(counts map[metrics.Name]int, applied rollout.Applied) {
	result := resultOf(applied)
	counts[metricOf(result.Outcome)]++
	counts[metrics.ValuesAdded] += result.Added
	counts[metrics.ValuesRemoved] += result.Removed
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

// levelOf: what is skipped is everyday, what will be tried again may pass, what is
// buried needs a person.
func levelOf(is fate, err error) slog.Level {
	switch {
	case is == buried:
		return slog.LevelError
	case skipped(err):
		return slog.LevelInfo
	}
	return slog.LevelWarn
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

// report tells the bus and the runs. The event comes first: reporting the same
// outcome twice is a no-op, an event that was never sent can't be made up for.
func (h *handler) report(ctx context.Context, ended []*work) (reported, unreported []*work) {
	var applied []rollout.Applied
	byRun := map[string]map[string]rollout.Result{}
	for _, w := range ended {
		if w.applied.ClientKey == "" {
			continue // not even a message
		}
		applied = append(applied, w.applied)
		if w.message.Run == "" {
			continue
		}
		if byRun[w.message.Run] == nil {
			byRun[w.message.Run] = map[string]rollout.Result{}
		}
		byRun[w.message.Run][w.message.ClientKey] = resultOf(w.applied)
	}
	_, unsent := rollout.Send(ctx, h.bus, rollout.DetailApplied, applied...)
	if unsent != nil {
		h.log.ErrorContext(ctx, "results not sent", slog.String("error", unsent.Error()))
		byRun = nil
	}
	lost := map[string]bool{}
	for id, results := range byRun {
		if err := h.reportRun(ctx, id, results); err != nil {
			h.log.ErrorContext(ctx, "run not updated", slog.String("run", id), slog.String("error", err.Error()))
			lost[id] = true
		}
	}
	for _, w := range ended {
		if w.applied.ClientKey != "" && (unsent != nil || lost[w.message.Run]) {
			unreported = append(unreported, w)
		} else {
			reported = append(reported, w)
		}
	}
	return reported, unreported
}

func (h *handler) reportRun(ctx context.Context, id string, results map[string]rollout.Result) error {
	run, err := h.table.Report(ctx, id, results)
	if errors.Is(err, rollout.ErrNoRun) {
		return nil // the run is older than the table keeps them
	}
	if err != nil {
		return err
	}
	run, finished, err := rollout.Settle(ctx, h.table, h.bus, run)
	if finished {
		h.log.InfoContext(ctx, "run finished", slog.String("run", id),
			slog.Int("changed", run.Changed), slog.Int("unchanged", run.Unchanged), slog.Int("failed", run.Failed), slog.Int("skipped", run.Skipped))
	}
	return err
}
