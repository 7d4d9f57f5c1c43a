package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/functions/internal/metrics"
)

// settlement is what a batch came to.
type settlement struct {
	*handler
	// again are the records that SQS shall deliver again.
	again  []events.SQSBatchItemFailure
	counts map[metrics.Name]int
}

// settle acts on every record's fate and reports the batch: to the runs, to the
// bus, as metrics. What can't be settled is delivered again, by SQS.
func (h *handler) settle(ctx context.Context, all []*work) events.SQSEventResponse {
	s := &settlement{handler: h, again: []events.SQSBatchItemFailure{}, counts: map[metrics.Name]int{}}
	reported, unreported := h.report(ctx, s.putBackOrEnd(ctx, all))
	for _, w := range unreported {
		// A receive counts against it (admit), so SQS does it only as a last resort.
		if young(w.message, h.now()) {
			s.putBack(ctx, deferred, w)
		} else {
			s.redeliver(w)
		}
	}
	// Last, so that what is delivered again is not in the dead-letter queue already.
	for _, w := range reported {
		s.finish(ctx, w)
	}
	h.count(ctx, s.counts)
	return events.SQSEventResponse{BatchItemFailures: s.again}
}

// putBackOrEnd puts back what comes again later, and returns what has an outcome.
func (s *settlement) putBackOrEnd(ctx context.Context, all []*work) (ended []*work) {
	for _, w := range all {
		is := fateOf(w, s.now())
		s.tell(ctx, is, w)
		if is != finished && is != buried {
			s.putBack(ctx, is, w)
			continue
		}
		w.conclude()
		ended = append(ended, w)
	}
	return ended
}

// putBack sends a message to the queue again, in the way of its fate.
func (s *settlement) putBack(ctx context.Context, is fate, w *work) {
	var err error
	switch is {
	case returned:
		err = s.queue.again(ctx, w.message)
	case apart:
		err = s.queue.apart(ctx, w.message)
	default:
		err = s.queue.later(ctx, w.message, s.now())
	}
	if err != nil {
		s.log.ErrorContext(ctx, "message not put back", slog.String("error", err.Error()))
		s.redeliver(w)
		return
	}
	s.counts[metrics.MessagesDeferred]++
}

// finish buries a message whose fate that is, and counts its outcome.
func (s *settlement) finish(ctx context.Context, w *work) {
	if fateOf(w, s.now()) == buried {
		if err := s.queue.bury(ctx, w.record.Body, w.err.Error()); err != nil {
			s.log.ErrorContext(ctx, "message not put into the dead-letter queue", slog.String("error", err.Error()))
			s.redeliver(w)
			return
		}
	}
	tally(s.counts, w.applied)
}

func (s *settlement) redeliver(w *work) {
	s.again = append(s.again, events.SQSBatchItemFailure{ItemIdentifier: w.record.MessageId})
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

// tell logs what did not go as asked.
func (h *handler) tell(ctx context.Context, is fate, w *work) {
	if w.err != nil {
		h.log.LogAttrs(ctx, levelOf(is, w.err), "message not applied",
			slog.String("client_key", w.message.ClientKey), slog.String("run", w.message.Run), slog.String("error", w.err.Error()))
	}
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
