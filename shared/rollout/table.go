package rollout

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/awsjson"
)

// Caller calls operations of one AWS service; *awsjson.Client is one.
type Caller interface {
	Call(ctx context.Context, operation string, in, out any) error
}

// Table is what dispatch and workers share and nothing else: the progress of runs, the
// newest revision of each scope and its latest event, and the stop flag. Losing it loses
// no desired state and no secret; the next drift repair makes everything right.
//
// One DynamoDB table with the string key "id" and the time to live "expires".
type Table struct {
	DynamoDB Caller
	Name     string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Sleep waits for the duration or the context; nil means real time.
	Sleep func(ctx context.Context, duration time.Duration) error
}

// How long items live. A run is looked at for days, not for ever; a stop has to
// be looked at again, in case that Bitbucket's answer was an incident. What is known of
// a scope, its newest revision and its latest event, has no end: two items each.
const (
	runLife  = 30 * 24 * time.Hour
	stopLife = 24 * time.Hour
)

func (t *Table) now() time.Time {
	if t.Now == nil {
		return time.Now()
	}
	return t.Now()
}

func (t *Table) expires(life time.Duration) attribute {
	return number(t.now().Add(life).Unix())
}

// attribute is a value of an item: text or a number, nothing else is stored.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
type attribute struct {
	S *string `json:"S,omitempty"`
	N *string `json:"N,omitempty"`
}

type item map[string]attribute

func text(value string) attribute { return attribute{S: &value} }

func number(value int64) attribute {
	digits := strconv.FormatInt(value, 10)
	return attribute{N: &digits}
}

func key(id string) item { return item{"id": text(id)} }

func textOf(i item, name string) string {
	if value := i[name].S; value != nil {
		return *value
	}
	return ""
}

// numberOf returns 0 for what is not there; the table holds only numbers that we wrote.
func numberOf(i item, name string) int64 {
	value := i[name].N
	if value == nil {
		return 0
	}
	parsed, err := strconv.ParseInt(*value, 10, 64)
	if err != nil {
		return 0
	}
	return parsed
}

// input is the part of the operations' inputs that is used.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
type input struct {
	TableName                 string `json:"TableName"`
	Key                       item   `json:"Key,omitempty"`
	Item                      item   `json:"Item,omitempty"`
	ConsistentRead            bool   `json:"ConsistentRead,omitempty"`
	UpdateExpression          string `json:"UpdateExpression,omitempty"`
	ConditionExpression       string `json:"ConditionExpression,omitempty"`
	ExpressionAttributeValues item   `json:"ExpressionAttributeValues,omitempty"`
	ReturnValues              string `json:"ReturnValues,omitempty"`
}

// get reads an item as it is now; nil when there is none, or when it has expired
// and DynamoDB has not come round to removing it.
func (t *Table) get(ctx context.Context, id string) (item, error) {
	var out struct{ Item item }
	err := t.DynamoDB.Call(ctx, "GetItem", input{TableName: t.Name, Key: key(id), ConsistentRead: true}, &out)
	if err != nil {
		return nil, fmt.Errorf("read %s from the table: %w", id, awsenv.Cut(err))
	}
	if expires := numberOf(out.Item, "expires"); expires != 0 && expires <= t.now().Unix() {
		return nil, nil
	}
	return out.Item, nil
}

// conditionFailed is DynamoDB's code for a condition that was not met.
const conditionFailed = "ConditionalCheckFailedException"

// update changes an item under a condition. met is false when the condition was not.
func (t *Table) update(ctx context.Context, id, expression, condition string, values item) (after item, met bool, err error) {
	var out struct{ Attributes item }
	err = t.patiently(ctx, func() error {
		err := t.DynamoDB.Call(ctx, "UpdateItem", input{
			TableName: t.Name, Key: key(id), UpdateExpression: expression, ConditionExpression: condition,
			ExpressionAttributeValues: values, ReturnValues: "ALL_NEW",
		}, &out)
		if awsjson.Is(err, "TransactionConflictException") {
			return errConflict
		}
		return err
	})
	switch {
	case err == nil:
		return out.Attributes, true, nil
	case awsjson.Is(err, conditionFailed):
		return nil, false, nil
	case errors.Is(err, errConflict):
		return nil, false, fmt.Errorf("update %s in the table: %w", id, err)
	}
	return nil, false, fmt.Errorf("update %s in the table: %w", id, awsenv.Cut(err))
}
