package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// DynamoDB is the part of [dynamodb.Client] that is used.
type DynamoDB interface {
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, options ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Table is what dispatch and workers share: the progress of runs, the newest revision of
// each scope, and what is known of the linker endpoints. It holds no desired state and
// no secret, so the next drift repair makes up for its loss.
//
// It is one DynamoDB table with the string key "id" and the time to live "expires".
// Each write is one conditional write of one item. Safe for concurrent use.
type Table struct {
	DynamoDB DynamoDB
	Name     string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// keepFor is how long the items of a run are kept.
const keepFor = 30 * 24 * time.Hour

func (t *Table) now() time.Time {
	if t.Now == nil {
		return time.Now().UTC()
	}
	return t.Now().UTC()
}

func (t *Table) expires() int64 { return t.now().Add(keepFor).Unix() }

// set is a string set of DynamoDB.
type set []string

// MarshalDynamoDBAttributeValue implements attributevalue.Marshaler.
func (s set) MarshalDynamoDBAttributeValue() (types.AttributeValue, error) {
	return &types.AttributeValueMemberSS{Value: s}, nil
}

// values are the attributes of an item, or those that an expression names.
type values map[string]any

// get reads the newest state of an item into an object. found is false when there is
// none, or when it has expired and DynamoDB has not removed it yet.
func (t *Table) get(ctx context.Context, id string, into any) (found bool, err error) {
	out, err := t.DynamoDB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.Name, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}},
	})
	if err != nil {
		return false, fmt.Errorf("read %s from the table: %w", id, awsenv.Cut(err))
	}
	var life struct {
		Expires int64 `dynamodbav:"expires"`
	}
	err = errors.Join(attributevalue.UnmarshalMap(out.Item, &life), attributevalue.UnmarshalMap(out.Item, into))
	if err != nil {
		return false, fmt.Errorf("read %s from the table: the item has an unknown shape", id)
	}
	return len(out.Item) > 0 && (life.Expires == 0 || life.Expires > t.now().Unix()), nil
}

// add writes an item unless there is one.
func (t *Table) add(ctx context.Context, id string, attributes values) error {
	attributes["id"], attributes["expires"] = id, t.expires()
	item, err := attributevalue.MarshalMap(attributes)
	if err != nil {
		return fmt.Errorf("encode %s: %w", id, err)
	}
	_, err = t.DynamoDB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.Name, Item: item, ConditionExpression: aws.String("attribute_not_exists(id)")})
	_, err = t.met(id, err)
	return err
}

// update changes an item under a condition, "" for none, and reads its state after the
// write into an object, nil for none. met is false when the condition was not met.
func (t *Table) update(ctx context.Context, id, expression, condition string, with values, into any) (met bool, err error) {
	named, err := attributevalue.MarshalMap(with)
	if err != nil {
		return false, fmt.Errorf("encode %s: %w", id, err)
	}
	in := &dynamodb.UpdateItemInput{
		TableName: &t.Name, UpdateExpression: &expression, ReturnValues: types.ReturnValueAllNew,
		Key: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}},
	}
	if len(named) > 0 {
		in.ExpressionAttributeValues = named
	}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	out, err := t.DynamoDB.UpdateItem(ctx, in)
	if met, err = t.met(id, err); !met || err != nil || into == nil {
		return met, err
	}
	if err := attributevalue.UnmarshalMap(out.Attributes, into); err != nil {
		return true, fmt.Errorf("read %s from the table: the item has an unknown shape", id)
	}
	return true, nil
}

// met tells a condition that was not met from a failure.
func (t *Table) met(id string, err error) (bool, error) {
	if _, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write %s to the table: %w", id, awsenv.Cut(err))
	}
	return true, nil
}

// Advance records that versionID is the current state of a scope, on behalf of a
// run, and returns the scope's revision, which grows with each new version, and
// the run that recorded the version first. The event that our own write to the bucket
// causes, and an event that arrives twice, find that run.
//
// The revision only saves work: a message with an older one is skipped because a
// newer message exists. What is applied is always read from the bucket.
func (t *Table) Advance(ctx context.Context, app, scope, versionID, runID string) (revision int64, owner string, err error) {
	var newest newest
	met, err := t.update(ctx, newestKey(app, scope),
		"SET version_id = :version, run_id = :run ADD revision :one", "attribute_not_exists(id) OR version_id <> :version",
		values{":version": versionID, ":run": runID, ":one": 1}, &newest)
	if err == nil && !met {
		_, err = t.get(ctx, newestKey(app, scope), &newest)
	}
	return newest.Revision, newest.Run, err
}

// Newest returns the revision of a scope's current state, 0 when none was recorded.
func (t *Table) Newest(ctx context.Context, app, scope string) (int64, error) {
	var newest newest
	_, err := t.get(ctx, newestKey(app, scope), &newest)
	return newest.Revision, err
}

type newest struct {
	Revision int64  `dynamodbav:"revision"`
	Version  string `dynamodbav:"version_id"`
	Run      string `dynamodbav:"run_id"`
}

func newestKey(app, scope string) string { return "newest#" + app + "#" + scope }
