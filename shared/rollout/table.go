package rollout

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// DynamoDB is the part of the AWS client that Table uses.
type DynamoDB interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Table is what workers share and nothing else: the progress of runs, the newest
// revision of each scope, and the stop flag. Losing it loses no desired state and
// no secret; the next drift repair makes everything right.
//
// One DynamoDB table with the string key "id" and the time to live "expires".
type Table struct {
	API  DynamoDB
	Name string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// How long items live. A run is looked at for days, not for ever; a stop has to
// be looked at again, in case that Bitbucket's answer was an incident.
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

func (t *Table) expires(life time.Duration) types.AttributeValue {
	return number(t.now().Add(life).Unix())
}

type item = map[string]types.AttributeValue

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func number(value int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(value, 10)}
}

func key(id string) item { return item{"id": text(id)} }

func textOf(i item, name string) string {
	if value, ok := i[name].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}

// numberOf returns 0 for what is not there; the table holds only numbers that we wrote.
func numberOf(i item, name string) int64 {
	value, ok := i[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	parsed, err := strconv.ParseInt(value.Value, 10, 64)
	if err != nil {
		return 0
	}
	return parsed
}

// get reads an item as it is now; nil when there is none, or when it has expired
// and DynamoDB has not come round to removing it.
func (t *Table) get(ctx context.Context, id string) (item, error) {
	out, err := t.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.Name, Key: key(id), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("read %s from the table: %w", id, awsenv.Cut(err))
	}
	if expires := numberOf(out.Item, "expires"); expires != 0 && expires <= t.now().Unix() {
		return nil, nil
	}
	return out.Item, nil
}

// update changes an item under a condition. met is false when the condition was not.
func (t *Table) update(ctx context.Context, id, expression, condition string, values item) (after item, met bool, err error) {
	in := &dynamodb.UpdateItemInput{
		TableName: &t.Name, Key: key(id), UpdateExpression: &expression,
		ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllNew,
	}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	out, err := t.API.UpdateItem(ctx, in)
	if _, failed := errors.AsType[*types.ConditionalCheckFailedException](err); failed {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("update %s in the table: %w", id, awsenv.Cut(err))
	}
	return out.Attributes, true, nil
}
