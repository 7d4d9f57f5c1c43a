package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// RefuseRun records a run that was over before it began, so that its reason reaches those
// who wait for it. A run that an earlier attempt began gets no more messages; what it has
// queued still counts. [Announce] tells of its end.
func (t *Table) RefuseRun(ctx context.Context, id, app, reason string) (Run, error) {
	run, err := t.makeRun(ctx, id, app, values{"phase": Done, "ended": t.now(), "refused": reason, "run_total": 1, "count_failed": 1})
	if err != nil || run.Phase != Dispatching {
		return run, err
	}
	return t.endDispatch(ctx, run, ", refused = :why ADD count_failed :one", values{":total": run.Queued + 1, ":why": reason, ":one": 1})
}

// EndRun ends the dispatch of a run before all is queued, and notes why: no attempt
// will go on with it. The run then waits for the outcomes of what is queued.
func (t *Table) EndRun(ctx context.Context, run Run, why string) (Run, error) {
	return t.endDispatch(ctx, run, ", note = :why", values{":total": run.Queued, ":why": why})
}

// endDispatch lets a run wait for its workers. A run that another dispatcher moves goes on.
func (t *Table) endDispatch(ctx context.Context, run Run, expression string, with values) (Run, error) {
	maps.Copy(with, values{":cursor": run.Cursor, ":dispatching": Dispatching, ":working": Working})
	var item runItem
	met, err := t.update(ctx, runKey(run.ID), "SET phase = :working, run_total = :total"+expression, stillAt, with, &item)
	if err == nil && !met {
		item, err = t.runItem(ctx, run.ID)
	}
	return item.run(), err
}

// NoteRun notes what those who wait for the run have to know.
func (t *Table) NoteRun(ctx context.Context, run Run, note string) error {
	_, err := t.update(ctx, runKey(run.ID), "SET note = :note", "attribute_exists(id)", values{":note": note}, nil)
	return err
}

// finishRun marks a complete run as done. A caller that gets a run that is done and not
// announced sends its last event and then calls markAnnounced: at least one caller does,
// even when the first dies between the two.
func (t *Table) finishRun(ctx context.Context, run Run) (Run, error) {
	var item runItem
	met, err := t.update(ctx, runKey(run.ID), "SET phase = :done, ended = :now", "phase = :working",
		values{":done": Done, ":working": Working, ":now": t.now()}, &item)
	if err == nil && !met {
		item, err = t.runItem(ctx, run.ID)
	}
	return item.run(), err
}

// markAnnounced records that the Run Finished event is out.
func (t *Table) markAnnounced(ctx context.Context, run Run) error {
	_, err := t.update(ctx, runKey(run.ID), "SET announced = :yes", "attribute_exists(id)", values{":yes": true}, nil)
	if err != nil {
		return err
	}
	_, err = t.update(ctx, openKey(run.App), "DELETE runs :run", "attribute_exists(id)", values{":run": set{run.ID}}, nil)
	return err
}

// MaxRunAge is how long a run may be under way. A message ends after a day, so what has
// no outcome an hour later has lost its message, or its dispatch failed.
const MaxRunAge = 25 * time.Hour

// CloseRuns ends every run of the app that began longer than MaxRunAge ago. The
// installations without an outcome count as failed, and the run's note says why.
func (t *Table) CloseRuns(ctx context.Context, b Bus, app string) (closed int, err error) {
	var open struct {
		Runs []string `dynamodbav:"runs"`
	}
	if _, err := t.get(ctx, openKey(app), &open); err != nil {
		return 0, err
	}
	var problems []error
	for _, id := range open.Runs {
		ended, err := t.closeRun(ctx, b, app, id)
		if ended {
			closed++
		}
		problems = append(problems, err)
	}
	return closed, errors.Join(problems...)
}

func (t *Table) closeRun(ctx context.Context, b Bus, app, id string) (ended bool, err error) {
	item, err := t.runItem(ctx, id)
	if errors.Is(err, ErrNoRun) { // it began a month ago
		return false, t.markAnnounced(ctx, Run{ID: id, App: app})
	}
	run := item.run()
	if err != nil || t.now().Sub(run.Started) < MaxRunAge {
		return false, err
	}
	if run.Phase == Dispatching {
		why := fmt.Sprintf("closed after %s: its dispatch did not end; its event is in the queue EventDeadLetters", MaxRunAge)
		if run, err = t.EndRun(ctx, run, why); err != nil {
			return false, err
		}
	}
	for _, name := range item.open() {
		if run, err = t.closePage(ctx, run, name); err != nil {
			return false, err
		}
	}
	if run.Announced {
		return false, t.markAnnounced(ctx, run)
	}
	_, ended, err = Announce(ctx, t, b, run)
	return ended, err
}

// closePage counts a page whose messages are lost.
func (t *Table) closePage(ctx context.Context, run Run, name string) (Run, error) {
	page, _, err := t.page(ctx, run.ID, name)
	if err != nil {
		return run, err
	}
	missing := page.Total - page.Reported()
	page.Failed += missing
	after, err := t.fold(ctx, run.ID, name, page.Counts)
	if err != nil || missing == 0 || after.Note != "" {
		return after, err
	}
	after.Note = fmt.Sprintf("closed after %s: installations are without an outcome because their messages are lost; they count as failed", MaxRunAge)
	return after, t.NoteRun(ctx, after, after.Note)
}
