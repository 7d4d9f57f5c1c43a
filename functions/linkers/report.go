package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/linkersync/linkersync/shared/rollout"
)

// report tells the bus and the runs. The event comes first: reporting the same
// outcome twice is a no-op, an event that was never sent can't be made up for.
func (h *handler) report(ctx context.Context, ended []*work) (reported, unreported []*work) {
	var applied []rollout.Applied
	for _, w := range ended {
		if w.isMessage() {
			applied = append(applied, w.applied)
		}
	}
	_, unsent := rollout.Send(ctx, h.bus, rollout.DetailApplied, applied...)
	var lost map[string]bool
	if unsent != nil {
		h.log.ErrorContext(ctx, "results not sent", slog.String("error", unsent.Error()))
	} else {
		lost = h.reportRuns(ctx, ended)
	}
	for _, w := range ended {
		if w.isMessage() && (unsent != nil || lost[w.message.Run]) {
			unreported = append(unreported, w)
		} else {
			reported = append(reported, w)
		}
	}
	return reported, unreported
}

// isMessage is false for a record that could not be read: nobody waits for it.
func (w *work) isMessage() bool { return w.applied.ClientKey != "" }

// reportRuns tells each run what became of its messages. It returns the runs that
// could not be told.
func (h *handler) reportRuns(ctx context.Context, ended []*work) (lost map[string]bool) {
	byRun := map[string]map[string]rollout.Result{}
	for _, w := range ended {
		if !w.isMessage() || w.message.Run == "" {
			continue
		}
		if byRun[w.message.Run] == nil {
			byRun[w.message.Run] = map[string]rollout.Result{}
		}
		byRun[w.message.Run][w.message.ClientKey] = resultOf(w.applied)
	}
	lost = map[string]bool{}
	for id, results := range byRun {
		if err := h.reportRun(ctx, id, results); err != nil {
			h.log.ErrorContext(ctx, "run not updated", slog.String("run", id), slog.String("error", err.Error()))
			lost[id] = true
		}
	}
	return lost
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
