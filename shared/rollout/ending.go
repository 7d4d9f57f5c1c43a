package rollout

import (
	"context"
	"maps"
)

// RefuseRun records a run that was over before it began, so that whoever waits for it
// learns why. It is to be announced as any other, see Settle. One that an earlier
// attempt began gets no more messages; what it has queued counts on.
func (t *Table) RefuseRun(ctx context.Context, id, app, reason string) (Run, error) {
	run, err := t.makeRun(ctx, id, app, item{
		"phase": text(string(Done)), "ended": number(t.now().UnixMilli()), "refused": text(reason),
		"run_total": number(1), counter(Failed): number(1),
	})
	if err != nil || run.Phase != Dispatching {
		return run, err
	}
	return t.cutShort(ctx, run, ", refused = :why ADD "+counter(Failed)+" :one",
		item{":total": number(int64(run.Queued + 1)), ":why": text(reason), ":one": number(1)})
}

// EndRun ends the dispatch of a run before all is queued, and notes why: no attempt
// will go on with it. What is queued is all that its workers report.
func (t *Table) EndRun(ctx context.Context, run Run, why string) (Run, error) {
	return t.cutShort(ctx, run, ", note = :why", item{":total": number(int64(run.Queued)), ":why": text(why)})
}

// cutShort lets a run wait for its workers. One that another dispatcher moves goes on.
func (t *Table) cutShort(ctx context.Context, run Run, expression string, values item) (Run, error) {
	maps.Copy(values, item{":cursor": text(run.Cursor), ":dispatching": text(string(Dispatching)), ":working": text(string(Working))})
	after, met, err := t.update(ctx, runKey(run.ID), "SET phase = :working, run_total = :total"+expression, stillAt, values)
	if err != nil {
		return run, err
	}
	if !met {
		return t.Run(ctx, run.ID)
	}
	return runOf(after), nil
}

// NoteRun notes what whoever waits for the run has to know.
func (t *Table) NoteRun(ctx context.Context, run Run, note string) error {
	_, _, err := t.update(ctx, runKey(run.ID), "SET note = :note", "", item{":note": text(note)})
	return err
}

// FinishRun marks a complete run as done. Whoever gets a run that is done and not
// announced sends its last event and then calls AnnounceRun: at least one does,
// even when the first dies between the two.
func (t *Table) FinishRun(ctx context.Context, run Run) (Run, error) {
	after, met, err := t.update(ctx, runKey(run.ID),
		"SET phase = :done, ended = :now", "phase = :working",
		item{":done": text(string(Done)), ":working": text(string(Working)), ":now": number(t.now().UnixMilli())})
	if err != nil {
		return run, err
	}
	if !met {
		return t.Run(ctx, run.ID)
	}
	return runOf(after), nil
}

// AnnounceRun records that the Run Finished event is out.
func (t *Table) AnnounceRun(ctx context.Context, run Run) error {
	_, _, err := t.update(ctx, runKey(run.ID), "SET announced = :one", "", item{":one": number(1)})
	return err
}
