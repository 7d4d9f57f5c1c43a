package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
)

// fate is what becomes of a message after its work.
type fate int

const (
	// finished: it has an outcome and leaves the queue.
	finished fate = iota
	// deferred: a rate limit; it comes back later as a new message.
	deferredFate
	// again: SQS delivers it again.
	again
	// buried: no attempt can succeed; it goes into the dead-letter queue.
	buried
)

// fateOf decides by the error, and by how often SQS delivered the record.
func fateOf(w *work) fate {
	err := w.err
	switch {
	case !w.begun:
		return again
	case err == nil || errors.Is(err, errSkipped) || errors.Is(err, bitbucket.ErrEndpointRemoved):
		return finished
	case errors.Is(err, bitbucket.ErrRateLimited) && time.Since(w.message.Since) < maxAge:
		return deferredFate
	case permanent(err) || receives(w.record) >= maxReceives:
		return buried
	}
	return again
}

// permanent tells errors that every further attempt would meet too.
func permanent(err error) bool {
	if _, guarded := errors.AsType[*reconcile.PruneGuardError](err); guarded {
		return true
	}
	if _, values := errors.AsType[*reconcile.ValuesError](err); values {
		return true
	}
	return errors.Is(err, rollout.ErrRefused) || errors.Is(err, bitbucket.ErrNotFound) || errors.Is(err, bitbucket.ErrForbidden)
}

// receives is how often SQS has delivered the record; it always says so.
func receives(record events.SQSMessage) int {
	count, err := strconv.Atoi(record.Attributes["ApproximateReceiveCount"])
	if err != nil {
		return 1
	}
	return count
}

// outcomeOf is what a message that is finished, or buried, counts as.
func outcomeOf(applied rollout.Applied, err error) rollout.Outcome {
	switch {
	case errors.Is(err, errSkipped) || errors.Is(err, bitbucket.ErrEndpointRemoved):
		return rollout.Skipped
	case err != nil:
		return rollout.Failed
	case changed(applied):
		return rollout.Changed
	}
	return rollout.Unchanged
}

// settle acts on every record's fate and reports the batch: to the runs, to the
// bus, as metrics. What can't be settled is delivered again.
func (h *handler) settle(ctx context.Context, all []*work) (events.SQSEventResponse, error) {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	counts := map[metrics.Name]int{}
	var done []*work
	for _, w := range all {
		switch h.part(ctx, w, counts) {
		case again:
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: w.record.MessageId})
		case finished, buried:
			done = append(done, w)
		case deferredFate:
		}
	}
	h.count(ctx, counts)
	for _, w := range h.report(ctx, done) {
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: w.record.MessageId})
	}
	return response, nil
}

// part acts on one record's fate. An act that fails brings the record back.
func (h *handler) part(ctx context.Context, w *work, counts map[metrics.Name]int) fate {
	is := fateOf(w)
	var err error
	switch is {
	case deferredFate:
		err = h.queue.deferred(ctx, w.message)
		counts[metrics.MessagesDeferred]++
	case buried:
		err = h.queue.bury(ctx, w.record.Body, w.err.Error())
	case finished, again:
	}
	if w.err != nil {
		h.log.LogAttrs(ctx, levelOf(is, w.err), "message not applied",
			slog.String("client_key", w.message.ClientKey), slog.String("run", w.message.Run), slog.String("error", w.err.Error()))
	}
	if err != nil {
		h.log.ErrorContext(ctx, "message not settled", slog.String("error", err.Error()))
		return again
	}
	if is == finished || is == buried {
		w.applied.Outcome = outcomeOf(w.applied, w.err)
		if w.err != nil {
			w.applied.Reason = w.err.Error()
		}
		counts[metricOf(w.applied.Outcome)]++
		for _, linker := range w.applied.Linkers {
			counts[metrics.ValuesAdded] += linker.Added
			counts[metrics.ValuesRemoved] += linker.Removed
		}
	}
	return is
}

// levelOf: what is skipped is everyday, what will be tried again may pass, what is
// buried needs a person.
func levelOf(is fate, err error) slog.Level {
	switch {
	case is == buried:
		return slog.LevelError
	case errors.Is(err, errSkipped) || errors.Is(err, bitbucket.ErrEndpointRemoved):
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
// outcome twice is a no-op, an event that was never sent can't be made up for. It
// returns the records that could not be reported.
func (h *handler) report(ctx context.Context, done []*work) (unreported []*work) {
	if len(done) == 0 {
		return nil
	}
	applied := make([]rollout.Applied, 0, len(done))
	byRun := map[string]map[string]rollout.Outcome{}
	for _, w := range done {
		if w.applied.ClientKey == "" {
			continue // not even a message
		}
		applied = append(applied, w.applied)
		if w.message.Run == "" {
			continue
		}
		if byRun[w.message.Run] == nil {
			byRun[w.message.Run] = map[string]rollout.Outcome{}
		}
		byRun[w.message.Run][w.message.ClientKey] = w.applied.Outcome
	}
	if _, err := rollout.Send(ctx, h.bus, rollout.DetailApplied, applied...); err != nil {
		h.log.ErrorContext(ctx, "results not sent", slog.String("error", err.Error()))
		return done
	}
	for id, outcomes := range byRun {
		if err := h.reportRun(ctx, id, outcomes); err != nil {
			h.log.ErrorContext(ctx, "run not updated", slog.String("run", id), slog.String("error", err.Error()))
			for _, w := range done {
				if w.message.Run == id {
					unreported = append(unreported, w)
				}
			}
		}
	}
	return unreported
}

func (h *handler) reportRun(ctx context.Context, id string, outcomes map[string]rollout.Outcome) error {
	run, err := h.table.Report(ctx, id, outcomes)
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
