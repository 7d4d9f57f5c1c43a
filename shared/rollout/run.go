package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	// Cursor is where dispatch goes on after an interruption.
	Cursor string
	// Queued counts the messages so far, Total all of them once Phase is Working.
	Queued, Total                       int
	Changed, Unchanged, Failed, Skipped int
	Started                             time.Time
	Ended                               time.Time
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
		Started: r.Started, Ended: r.Ended,
	}
}

// OpenRun starts a run, or returns the one that is there: the same event again,
// or a dispatch that was interrupted.
func (t *Table) OpenRun(ctx context.Context, id, app string) (Run, error) {
	err := t.DynamoDB.Call(ctx, "PutItem", input{
		TableName: t.Name, ConditionExpression: "attribute_not_exists(id)",
		Item: item{
			"id": text(runKey(id)), "run": text(id), "app": text(app), "phase": text(string(Dispatching)),
			"list_cursor": text(""), "started": number(t.now().UnixMilli()), "expires": t.expires(runLife),
		},
	}, nil)
	if err != nil && !awsjson.Is(err, conditionFailed) {
		return Run{}, fmt.Errorf("open run %s in the table: %w", id, awsenv.Cut(err))
	}
	return t.Run(ctx, id)
}

// ErrNoRun: the table has no such run, or no longer.
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

// AdvanceRun records that queued more messages are out and where to go on. An
// empty cursor means that these were the last: the total is known, and the run
// waits for its workers. ErrOvertaken when another dispatcher of the same run has
// been here since.
func (t *Table) AdvanceRun(ctx context.Context, run Run, queued int, cursor string) (Run, error) {
	expression := "SET queued = :queued, list_cursor = :next"
	values := item{
		":queued": number(int64(run.Queued + queued)), ":next": text(cursor),
		":cursor": text(run.Cursor), ":dispatching": text(string(Dispatching)),
	}
	if cursor == "" {
		expression += ", phase = :working, run_total = :queued"
		values[":working"] = text(string(Working))
	}
	condition := "phase = :dispatching AND list_cursor = :cursor"
	after, met, err := t.update(ctx, runKey(run.ID), expression, condition, values)
	if err != nil {
		return run, err
	}
	if !met {
		return run, fmt.Errorf("%w: %s", ErrOvertaken, run.ID)
	}
	return runOf(after), nil
}

// RestartRun begins the enumeration anew, when the place to go on at is not valid
// any more. Installations that have an outcome keep it.
func (t *Table) RestartRun(ctx context.Context, run Run) (Run, error) {
	after, met, err := t.update(ctx, runKey(run.ID),
		"SET queued = :none, list_cursor = :start", "phase = :dispatching AND list_cursor = :cursor",
		item{":none": number(0), ":start": text(""), ":cursor": text(run.Cursor), ":dispatching": text(string(Dispatching))})
	if err != nil {
		return run, err
	}
	if !met {
		return run, fmt.Errorf("%w: %s", ErrOvertaken, run.ID)
	}
	return runOf(after), nil
}

// ErrOvertaken: another dispatcher works on the same run.
var ErrOvertaken = errors.New("another dispatch of the same run is ahead")

// MaxReport is the most outcomes that one Report takes: DynamoDB's limit for a
// transaction is 100 items, one of which is the run.
const MaxReport = 99

// Report counts outcomes of one run, by client key, each once however often it is
// reported, and returns the run.
func (t *Table) Report(ctx context.Context, runID string, outcomes map[string]Outcome) (Run, error) {
	err := t.report(ctx, runID, outcomes)
	if err != nil && reportedBefore(err) && len(outcomes) > 1 {
		// At least one was counted already, so all were refused: one by one then.
		err = nil
		for clientKey, outcome := range outcomes {
			if one := t.report(ctx, runID, map[string]Outcome{clientKey: outcome}); one != nil && !reportedBefore(one) {
				err = one
			}
		}
	}
	if err != nil && !reportedBefore(err) {
		return Run{}, fmt.Errorf("report to run %s in the table: %w", runID, awsenv.Cut(err))
	}
	return t.Run(ctx, runID)
}

// write is one part of a transaction.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
type write struct {
	Put    *input `json:"Put,omitempty"`
	Update *input `json:"Update,omitempty"`
}

// report writes a mark for each outcome and adds to the run's counts, all or nothing.
func (t *Table) report(ctx context.Context, runID string, outcomes map[string]Outcome) error {
	var writes []write
	tally := map[Outcome]int64{}
	for clientKey, outcome := range outcomes {
		tally[outcome]++
		writes = append(writes, write{Put: &input{
			TableName: t.Name, ConditionExpression: "attribute_not_exists(id)",
			Item: item{"id": text(resultKey(runID, clientKey)), "outcome": text(string(outcome)), "expires": t.expires(runLife)},
		}})
	}
	var adds []string
	counts := item{}
	for outcome, count := range tally {
		adds = append(adds, counter(outcome)+" :"+string(outcome))
		counts[":"+string(outcome)] = number(count)
	}
	writes = append(writes, write{Update: &input{
		TableName: t.Name, Key: key(runKey(runID)), ConditionExpression: "attribute_exists(id)",
		UpdateExpression: "ADD " + strings.Join(adds, ", "), ExpressionAttributeValues: counts,
	}})
	return t.DynamoDB.Call(ctx, "TransactWriteItems", map[string]any{"TransactItems": writes}, nil)
}

// reportedBefore tells whether a transaction failed because an outcome was counted
// already; the last item is the run itself.
func reportedBefore(err error) bool {
	refused, ok := errors.AsType[*awsjson.Error](err)
	if !ok || refused.Code != "TransactionCanceledException" {
		return false
	}
	var body struct{ CancellationReasons []struct{ Code string } }
	if json.Unmarshal(refused.Body, &body) != nil || len(body.CancellationReasons) == 0 {
		return false
	}
	for _, reason := range body.CancellationReasons[:len(body.CancellationReasons)-1] {
		if reason.Code == "ConditionalCheckFailed" {
			return true
		}
	}
	return false
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

func runKey(id string) string { return "run#" + id }

// resultKey hashes the client key: it may be longer than is good for a key.
func resultKey(runID, clientKey string) string {
	sum := sha256.Sum256([]byte(clientKey))
	return "result#" + runID + "#" + hex.EncodeToString(sum[:16])
}

func counter(outcome Outcome) string { return "count_" + string(outcome) }

func runOf(i item) Run {
	return Run{
		ID: textOf(i, "run"), App: textOf(i, "app"), Phase: Phase(textOf(i, "phase")), Cursor: textOf(i, "list_cursor"),
		Queued: int(numberOf(i, "queued")), Total: int(numberOf(i, "run_total")),
		Changed: int(numberOf(i, counter(Changed))), Unchanged: int(numberOf(i, counter(Unchanged))),
		Failed: int(numberOf(i, counter(Failed))), Skipped: int(numberOf(i, counter(Skipped))),
		Started: timeOf(i, "started"), Ended: timeOf(i, "ended"), Announced: numberOf(i, "announced") == 1,
	}
}

func timeOf(i item, name string) time.Time {
	if millis := numberOf(i, name); millis != 0 {
		return time.UnixMilli(millis).UTC()
	}
	return time.Time{}
}
