package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/awsjson"
)

// Phase is how far a run is.
type Phase string

// The phases of a run.
const (
	// Dispatching: messages are still being queued.
	Dispatching Phase = "dispatching"
	// Working: every message is queued, Total is known.
	Working Phase = "working"
	// Done: every installation has an outcome.
	Done Phase = "done"
)

// Run is one change on its way to every installation.
type Run struct {
	ID    string
	App   string
	Phase Phase
	// Cursor is where dispatch goes on after an interruption, Pages how many pages
	// it has recorded, see Seen.
	Cursor string
	Pages  int
	// Queued counts the messages so far, Total all of them once Phase is Working.
	Queued, Total                       int
	Changed, Unchanged, Failed, Skipped int
	// Added and Removed count linker values, see [Result].
	Added, Removed int
	Started        time.Time
	Ended          time.Time
	// Refused says why the change can't be applied by anybody. Total and Failed have one
	// more then, for the change itself; the rest was queued before it was refused.
	Refused string
	// Note says in what the run is not what its event asked for: its manifest was
	// replaced by a newer one, or not all was queued.
	Note string
	// Announced tells whether the Run Finished event was sent.
	Announced bool
}

// Reported counts the installations that have an outcome.
func (r Run) Reported() int { return r.Changed + r.Unchanged + r.Failed + r.Skipped }

// Complete tells whether nothing is outstanding.
func (r Run) Complete() bool { return r.Phase != Dispatching && r.Reported() >= r.Total }

// Finished is the run as the detail of its last event.
func (r Run) Finished() Finished {
	return Finished{
		Run: r.ID, App: r.App, Total: r.Total,
		Changed: r.Changed, Unchanged: r.Unchanged, Failed: r.Failed, Skipped: r.Skipped,
		Added: r.Added, Removed: r.Removed, Refused: r.Refused, Note: r.Note,
		Started: r.Started, Ended: r.Ended,
	}
}

// OpenRun starts a run, or returns the one that is there: the same event again,
// or a dispatch that was interrupted.
func (t *Table) OpenRun(ctx context.Context, id, app string) (Run, error) {
	return t.makeRun(ctx, id, app, item{"phase": text(string(Dispatching)), "list_cursor": text("")})
}

func (t *Table) makeRun(ctx context.Context, id, app string, attributes item) (Run, error) {
	maps.Copy(attributes, item{
		"id": text(runKey(id)), "run": text(id), "app": text(app),
		"started": number(t.now().UnixMilli()), "expires": t.expires(runLife),
	})
	err := t.DynamoDB.Call(ctx, "PutItem", input{TableName: t.Name, ConditionExpression: "attribute_not_exists(id)", Item: attributes}, nil)
	if err != nil && !awsjson.Is(err, conditionFailed) {
		return Run{}, fmt.Errorf("open run %s in the table: %w", id, awsenv.Cut(err))
	}
	return t.Run(ctx, id)
}

// ErrNoRun says that the table has no such run, or no longer.
var ErrNoRun = errors.New("no such run")

// Run reads a run.
func (t *Table) Run(ctx context.Context, id string) (Run, error) {
	found, err := t.get(ctx, runKey(id))
	if err != nil {
		return Run{}, err
	}
	if found == nil {
		return Run{}, fmt.Errorf("%w: %s", ErrNoRun, id)
	}
	return runOf(found), nil
}

// stillAt is the condition under which a dispatcher moves a run: nobody else has
// since it read it.
const stillAt = "phase = :dispatching AND list_cursor = :cursor"

// AdvanceRun records that queued more messages are out, whom Seen has a page of unless
// there are none, and the cursor to go on at. An empty cursor means that these were the
// last: the total is known, and the run waits for its workers. ErrOvertaken when another
// dispatcher of the same run has been here since.
func (t *Table) AdvanceRun(ctx context.Context, run Run, queued int, cursor string) (Run, error) {
	pages := run.Pages
	if queued > 0 {
		pages++
	}
	expression := "SET queued = :queued, pages = :pages, list_cursor = :next"
	values := item{
		":queued": number(int64(run.Queued + queued)), ":pages": number(int64(pages)), ":next": text(cursor),
		":cursor": text(run.Cursor), ":dispatching": text(string(Dispatching)),
	}
	if cursor == "" {
		expression += ", phase = :working, run_total = :queued"
		values[":working"] = text(string(Working))
	}
	after, met, err := t.update(ctx, runKey(run.ID), expression, stillAt, values)
	if err != nil {
		return run, err
	}
	if !met {
		return t.unlessOvertaken(ctx, run, run.Queued+queued, cursor, cursor != "")
	}
	return runOf(after), nil
}

// unlessOvertaken tells a write of ours whose answer was lost, and which the client
// then repeated in vain, from another dispatcher's.
func (t *Table) unlessOvertaken(ctx context.Context, run Run, queued int, cursor string, dispatching bool) (Run, error) {
	found, err := t.Run(ctx, run.ID)
	if err != nil {
		return run, err
	}
	if found.Queued != queued || found.Cursor != cursor || (found.Phase == Dispatching) != dispatching {
		return run, fmt.Errorf("%w: %s", ErrOvertaken, run.ID)
	}
	return found, nil
}

// RestartRun begins the enumeration anew, when the place to go on at is not valid
// any more. What was queued stays counted, and Seen knows it.
func (t *Table) RestartRun(ctx context.Context, run Run) (Run, error) {
	after, met, err := t.update(ctx, runKey(run.ID),
		"SET list_cursor = :start", stillAt,
		item{":start": text(""), ":cursor": text(run.Cursor), ":dispatching": text(string(Dispatching))})
	if err != nil {
		return run, err
	}
	if !met {
		return t.unlessOvertaken(ctx, run, run.Queued, "", true)
	}
	return runOf(after), nil
}

// ErrOvertaken says that another dispatcher works on the same run.
var ErrOvertaken = errors.New("another dispatch of the same run is ahead")

func runKey(id string) string { return "run#" + id }

func runOf(i item) Run {
	return Run{
		ID: textOf(i, "run"), App: textOf(i, "app"), Phase: Phase(textOf(i, "phase")), Cursor: textOf(i, "list_cursor"), Pages: int(numberOf(i, "pages")),
		Queued: int(numberOf(i, "queued")), Total: int(numberOf(i, "run_total")),
		Changed: int(numberOf(i, counter(Changed))), Unchanged: int(numberOf(i, counter(Unchanged))),
		Failed: int(numberOf(i, counter(Failed))), Skipped: int(numberOf(i, counter(Skipped))),
		Added: int(numberOf(i, valuesAdded)), Removed: int(numberOf(i, valuesRemoved)),
		Started: timeOf(i, "started"), Ended: timeOf(i, "ended"), Announced: numberOf(i, "announced") == 1,
		Refused: textOf(i, "refused"), Note: textOf(i, "note"),
	}
}

func timeOf(i item, name string) time.Time {
	if millis := numberOf(i, name); millis != 0 {
		return time.UnixMilli(millis).UTC()
	}
	return time.Time{}
}
