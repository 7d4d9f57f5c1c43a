package dynamodb_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
)

var runs = aws.String("runs")

func (w *world) transact(t *testing.T, token string, items ...types.TransactWriteItem) error {
	t.Helper()
	in := &sdk.TransactWriteItemsInput{TransactItems: items}
	if token != "" {
		in.ClientRequestToken = &token
	}
	_, err := w.TransactWriteItems(t.Context(), in)
	return err
}

func putOf(t *testing.T, text, condition string) types.TransactWriteItem {
	put := &types.Put{TableName: runs, Item: item(t, text)}
	if condition != "" {
		put.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Put: put}
}

func addTo(t *testing.T, id string) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: runs, Key: item(t, `{"id":"`+id+`"}`), UpdateExpression: aws.String("ADD n :one"),
		ConditionExpression: aws.String("attribute_exists(id)"), ExpressionAttributeValues: item(t, `{":one":1}`),
	}}
}

func TestATransactionDoesAllOrNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(t, `{"id":"run","n":1}`)
	mark := putOf(t, `{"id":"mark"}`, "attribute_not_exists(id)")
	wantCode(t, "the first time", w.transact(t, "", mark, addTo(t, "run")), "")
	w.wantItem(t, "mark", `{"id":"mark"}`)
	w.wantItem(t, "run", `{"id":"run","n":2}`)

	err := w.transact(t, "", addTo(t, "run"), mark, putOf(t, `{"id":"other"}`, ""))
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		t.Fatalf("the second time: %v, want a TransactionCanceledException", err)
	}
	var got []string
	for _, reason := range canceled.CancellationReasons {
		got = append(got, aws.ToString(reason.Code))
	}
	if diff := cmp.Diff([]string{"None", "ConditionalCheckFailed", "None"}, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if message := canceled.ErrorMessage(); !strings.HasSuffix(message, "[None, ConditionalCheckFailed, None]") {
		t.Errorf("message: %s", message)
	}
	w.wantItem(t, "other", "")
	w.wantItem(t, "run", `{"id":"run","n":2}`)
}

func TestAnUpdateThatCannotBeCancelsToo(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(t, `{"id":"run","n":"text"}`)
	err := w.transact(t, "", putOf(t, `{"id":"mark"}`, ""), addTo(t, "run"))
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || aws.ToString(canceled.CancellationReasons[1].Code) != "ValidationError" {
		t.Fatalf("error %v, want one with the reason ValidationError", err)
	}
	w.wantItem(t, "mark", "")
}

func TestTransactionsAreIdempotentByToken(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(t, `{"id":"run","n":1}`)
	wantCode(t, "first", w.transact(t, "token", addTo(t, "run")), "")
	wantCode(t, "again", w.transact(t, "token", addTo(t, "run")), "")
	w.wantItem(t, "run", `{"id":"run","n":2}`)
	wantCode(t, "another by that token", w.transact(t, "token", addTo(t, "other")), "IdempotentParameterMismatchException")
	w.now = w.now.Add(10*time.Minute + time.Second)
	wantCode(t, "eleven minutes later", w.transact(t, "token", addTo(t, "run")), "")
	w.wantItem(t, "run", `{"id":"run","n":3}`)
}

func TestInvalidTransactionsAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	many := make([]types.TransactWriteItem, 101)
	for i := range many {
		many[i] = putOf(t, fmt.Sprintf(`{"id":"many %d"}`, i), "")
	}
	twoInOne := addTo(t, "a")
	twoInOne.Put = putOf(t, `{"id":"b"}`, "").Put
	check := types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: runs, Key: item(t, `{"id":"a"}`), ConditionExpression: aws.String("attribute_exists(id)"),
	}}
	for what, test := range map[string]struct {
		items []types.TransactWriteItem
		want  string
	}{
		"a hundred":             {many[:100], ""},
		"a hundred and one":     {many, "invalid"},
		"none":                  {[]types.TransactWriteItem{}, "invalid"},
		"one item twice":        {[]types.TransactWriteItem{addTo(t, "a"), putOf(t, `{"id":"a"}`, "")}, "invalid: Transaction request cannot include multiple operations on one item"},
		"two in one":            {[]types.TransactWriteItem{twoInOne}, "invalid: TransactItems can only contain one of"},
		"nothing in one":        {[]types.TransactWriteItem{{}}, "invalid: TransactItems must contain one of"},
		"a check":               {[]types.TransactWriteItem{check}, "NotSimulated"},
		"a condition not valid": {[]types.TransactWriteItem{putOf(t, `{"id":"b"}`, "state = state")}, "invalid: Invalid ConditionExpression: Attribute name is a reserved keyword"},
	} {
		wantCode(t, what, w.transact(t, "", test.items...), test.want)
	}
	wantCode(t, "a long token", w.transact(t, strings.Repeat("x", 37), addTo(t, "a")), "invalid")
}

// TestConcurrentWritersLoseNothing is what the counters of a run rely on.
func TestConcurrentWritersLoseNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(t, `{"id":"run","n":0}`)
	const writers, rounds = 20, 10
	var group sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for writer := range writers {
		group.Go(func() {
			for round := range rounds {
				// Two writers report each result; one of them must be refused.
				mark := fmt.Sprintf(`{"id":"mark %d %d"}`, writer/2, round)
				err := w.transact(t, "", putOf(t, mark, "attribute_not_exists(id)"), addTo(t, "run"))
				if err == nil {
					mu.Lock()
					won++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if want := writers / 2 * rounds; won != want {
		t.Errorf("%d transactions succeeded, want %d", won, want)
	}
	w.wantItem(t, "run", fmt.Sprintf(`{"id":"run","n":%d}`, writers/2*rounds))
}
