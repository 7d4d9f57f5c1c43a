package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Phase is how far a run is.
type Phase string

// The phases of a run.
const (
	// Dispatching: messages are still being queued.
	Dispatching Phase = "dispatching"
	// Working: every message is queued, Total is known.
	Working Phase = "working"
	// Done: every installation has an outcome, or the run was closed without.
	Done Phase = "done"
)

// Counts are the outcomes of installations, and the linker values that changed.
type Counts struct {
	Changed   int `dynamodbav:"count_changed"`
	Unchanged int `dynamodbav:"count_unchanged"`
	Failed    int `dynamodbav:"count_failed"`
	Skipped   int `dynamodbav:"count_skipped"`
	// Added and Removed count linker values, see [Result].
	Added   int `dynamodbav:"values_added"`
	Removed int `dynamodbav:"values_removed"`
}

// Reported counts the installations that have an outcome.
func (c Counts) Reported() int { return c.Changed + c.Unchanged + c.Failed + c.Skipped }

func (c *Counts) add(other Counts) {
	c.Changed += other.Changed
	c.Unchanged += other.Unchanged
	c.Failed += other.Failed
	c.Skipped += other.Skipped
	c.Added += other.Added
	c.Removed += other.Removed
}

// addCounts is the expression that adds counts to those of an item.
const addCounts = "ADD count_changed :changed, count_unchanged :unchanged, count_failed :failed, count_skipped :skipped, values_added :added, values_removed :removed"

func (c Counts) values() values {
	return values{":changed": c.Changed, ":unchanged": c.Unchanged, ":failed": c.Failed, ":skipped": c.Skipped, ":added": c.Added, ":removed": c.Removed}
}

// Run is one change on its way to every installation.
type Run struct {
	ID    string `dynamodbav:"run"`
	App   string `dynamodbav:"app"`
	Phase Phase  `dynamodbav:"phase"`
	// Cursor is where dispatch goes on after an interruption.
	Cursor string `dynamodbav:"list_cursor"`
	// Queued counts the messages so far, Total all of them once Phase is Working.
	Queued int `dynamodbav:"queued"`
	Total  int `dynamodbav:"run_total"`
	Counts
	Started time.Time `dynamodbav:"started"`
	Ended   time.Time `dynamodbav:"ended"`
	// Refused says why the change can't be applied anywhere. Total and Failed then have
	// one more, for the change itself; the rest was queued before it was refused.
	Refused string `dynamodbav:"refused"`
	// Note says in what the run is not what its event asked for: its manifest was
	// replaced by a newer one, not all was queued, or the run was closed.
	Note string `dynamodbav:"note"`
	// Announced tells whether the Run Finished event was sent.
	Announced bool `dynamodbav:"announced"`
	// Open counts the pages that some installation of is without an outcome.
	Open int `dynamodbav:"-"`
}

// Complete tells whether nothing is outstanding.
func (r Run) Complete() bool { return r.Phase == Done || r.Phase == Working && r.Open == 0 }

// Finished is the run as the detail of its last event.
func (r Run) Finished() Finished {
	return Finished{
		Run: r.ID, App: r.App, Total: r.Total,
		Changed: r.Changed, Unchanged: r.Unchanged, Failed: r.Failed, Skipped: r.Skipped,
		Added: r.Added, Removed: r.Removed, Refused: r.Refused, Note: r.Note,
		Started: r.Started, Ended: r.Ended,
	}
}

// runItem is a run as it is stored, with its pages and those whose outcomes it counts.
type runItem struct {
	Run
	Pages []string `dynamodbav:"pages"`
	Done  []string `dynamodbav:"done"`
}

// noPage stands in both sets of a run, because DynamoDB has no empty set.
const noPage = "-"

func (i runItem) open() (pages []string) {
	for _, page := range i.Pages {
		if !slices.Contains(i.Done, page) {
			pages = append(pages, page)
		}
	}
	return pages
}

func (i runItem) run() Run {
	i.Open = len(i.open())
	return i.Run
}

// OpenRun starts a run, or returns the one that is there: the same event again,
// or a dispatch that was interrupted.
func (t *Table) OpenRun(ctx context.Context, id, app string) (Run, error) {
	return t.makeRun(ctx, id, app, values{"phase": Dispatching})
}

func (t *Table) makeRun(ctx context.Context, id, app string, attributes values) (Run, error) {
	// First of all, so that no open run is missing from the list.
	if _, err := t.update(ctx, openKey(app), "ADD runs :run", "", values{":run": set{id}}, nil); err != nil {
		return Run{}, err
	}
	attributes["pages"], attributes["done"] = set{noPage}, set{noPage}
	attributes["run"], attributes["app"], attributes["list_cursor"], attributes["started"] = id, app, "", t.now()
	if err := t.add(ctx, runKey(id), attributes); err != nil {
		return Run{}, err
	}
	item, err := t.runItem(ctx, id)
	return item.run(), err
}

// ErrNoRun says that the table has no such run, or no longer.
var ErrNoRun = errors.New("no such run")

func (t *Table) runItem(ctx context.Context, id string) (item runItem, err error) {
	found, err := t.get(ctx, runKey(id), &item)
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", ErrNoRun, id)
	}
	return item, err
}

// Run reads a run, with the outcomes so far.
func (t *Table) Run(ctx context.Context, id string) (Run, error) {
	item, err := t.runItem(ctx, id)
	if err != nil {
		return Run{}, err
	}
	run := item.run()
	if run.Phase == Done {
		return run, nil
	}
	for _, name := range item.open() {
		page, _, err := t.page(ctx, id, name)
		if err != nil {
			return Run{}, err
		}
		run.add(page.Counts)
	}
	return run, nil
}

// stillAt is the condition under which a dispatcher moves a run: no other dispatcher has
// moved it since it was read.
const stillAt = "phase = :dispatching AND list_cursor = :cursor"

// AdvanceRun records that a page of messages is queued, with its name from OpenPage, ""
// for a page without messages, and the cursor to go on at. An empty cursor means that
// this page was the last: the total is known. ErrOvertaken when another dispatcher of the
// same run has been here since.
func (t *Table) AdvanceRun(ctx context.Context, run Run, page string, queued int, cursor string) (Run, error) {
	phase, with := Dispatching, values{
		":queued": run.Queued + queued, ":next": cursor, ":cursor": run.Cursor, ":dispatching": Dispatching, ":total": 0,
	}
	if cursor == "" {
		phase, with[":total"] = Working, run.Queued+queued
	}
	with[":phase"] = phase
	expression := "SET phase = :phase, queued = :queued, list_cursor = :next, run_total = :total"
	if page != "" {
		expression += " ADD pages :page"
		with[":page"] = set{page}
	}
	var item runItem
	met, err := t.update(ctx, runKey(run.ID), expression, stillAt, with, &item)
	if err == nil && !met {
		// A write of ours, whose answer was lost, is told from another dispatcher's.
		item, err = t.runItem(ctx, run.ID)
		if err == nil && (item.Phase != phase || item.Cursor != cursor || item.Queued != run.Queued+queued || page != "" && !slices.Contains(item.Pages, page)) {
			err = fmt.Errorf("%w: %s", ErrOvertaken, run.ID)
		}
	}
	if err != nil || page == "" {
		return item.run(), err
	}
	// Its workers may have reported before the run knew the page.
	if counted, err := t.countPage(ctx, run.ID, page); err != nil || counted.ID != "" {
		return counted, err
	}
	return item.run(), nil
}

// RestartRun begins the enumeration anew, when the place to go on at is not valid
// any more. What was queued stays counted, and Seen knows it.
func (t *Table) RestartRun(ctx context.Context, run Run) (Run, error) {
	return t.AdvanceRun(ctx, run, "", 0, restarted)
}

// restarted is a cursor that stands for the beginning; an empty one is the end.
const restarted = "restart"

// ListFrom is the cursor for the list of installations.
func (r Run) ListFrom() string {
	if r.Cursor == restarted {
		return ""
	}
	return r.Cursor
}

// ErrOvertaken says that another dispatcher works on the same run.
var ErrOvertaken = errors.New("another dispatch of the same run is ahead")

func runKey(id string) string { return "run#" + id }

func openKey(app string) string { return "open#" + app }
