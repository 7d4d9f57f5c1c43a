package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/awsjson"
)

// MaxReport is the most outcomes that one Report takes: DynamoDB's limit for a
// transaction is 100 items, one of which is the run.
const MaxReport = 99

// errCounted: an outcome of the transaction was counted before, or there is no such run,
// which Report finds out when it reads it.
var errCounted = errors.New("an outcome was counted before")

// Report counts results of one run, by client key, each once however often it is
// reported, and returns the run. ErrNoRun when the table has no such run (any more).
func (t *Table) Report(ctx context.Context, runID string, results map[string]Result) (Run, error) {
	err := t.reportPatiently(ctx, runID, results)
	if errors.Is(err, errCounted) && len(results) > 1 {
		// All were refused for the sake of one: one by one, then.
		for _, clientKey := range slices.Sorted(maps.Keys(results)) {
			err = t.reportPatiently(ctx, runID, map[string]Result{clientKey: results[clientKey]})
			if err != nil && !errors.Is(err, errCounted) {
				break
			}
		}
	}
	if err != nil && !errors.Is(err, errCounted) {
		return Run{}, fmt.Errorf("report to run %s in the table: %w", runID, err)
	}
	return t.Run(ctx, runID)
}

// reportPatiently repeats a transaction that met another one.
func (t *Table) reportPatiently(ctx context.Context, runID string, results map[string]Result) error {
	return t.patiently(ctx, func() error { return t.report(ctx, runID, results) })
}

// write is one part of a transaction.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
type write struct {
	Put    *input `json:"Put,omitempty"`
	Update *input `json:"Update,omitempty"`
}

// report writes a mark for each result and adds to the run's counts, all or nothing.
func (t *Table) report(ctx context.Context, runID string, results map[string]Result) error {
	writes := make([]write, 0, len(results)+1)
	tally := map[string]int64{}
	for clientKey, result := range results {
		tally[counter(result.Outcome)]++
		tally[valuesAdded] += int64(result.Added)
		tally[valuesRemoved] += int64(result.Removed)
		writes = append(writes, write{Put: &input{
			TableName: t.Name, ConditionExpression: "attribute_not_exists(id)",
			Item: item{"id": text(resultKey(runID, clientKey)), "outcome": text(string(result.Outcome)), "expires": t.expires(runLife)},
		}})
	}
	var adds []string
	counts := item{}
	for name, count := range tally {
		adds = append(adds, name+" :"+name)
		counts[":"+name] = number(count)
	}
	writes = append(writes, write{Update: &input{
		TableName: t.Name, Key: key(runKey(runID)), ConditionExpression: "attribute_exists(id)",
		UpdateExpression: "ADD " + strings.Join(adds, ", "), ExpressionAttributeValues: counts,
	}})
	return cancellation(t.DynamoDB.Call(ctx, "TransactWriteItems", map[string]any{"TransactItems": writes}, nil))
}

// cancellation tells why a transaction was cancelled, by the reasons of its items.
func cancellation(err error) error {
	refused, ok := errors.AsType[*awsjson.Error](err)
	switch {
	case err == nil:
		return nil
	case !ok:
		return awsenv.Cut(err)
	case refused.Code == "TransactionInProgressException":
		return errConflict
	case refused.Code != "TransactionCanceledException":
		return awsenv.Cut(err)
	}
	var body struct{ CancellationReasons []struct{ Code string } }
	if json.Unmarshal(refused.Body, &body) != nil {
		return awsenv.Cut(err)
	}
	var counted, conflict bool
	for _, reason := range body.CancellationReasons {
		counted = counted || reason.Code == "ConditionalCheckFailed"
		conflict = conflict || reason.Code == "TransactionConflict" || reason.Code == "ThrottlingError" || reason.Code == "ProvisionedThroughputExceeded"
	}
	switch {
	case conflict:
		return errConflict
	case counted:
		return errCounted
	}
	return awsenv.Cut(err)
}

func resultKey(runID, clientKey string) string {
	return "result#" + runID + "#" + digestOf(clientKey).String()
}

// Attributes of a run that count linker values.
const (
	valuesAdded   = "values_added"
	valuesRemoved = "values_removed"
)

// counter is the attribute of a run that counts an outcome.
func counter(outcome Outcome) string { return "count_" + string(outcome) }
