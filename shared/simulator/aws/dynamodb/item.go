package dynamodb

import (
	"context"
	"slices"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/expression"
	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

// The limits of an item and its key, in bytes.
const (
	maxItem      = 400 << 10
	maxPartition = 2048
	maxSort      = 1024
)

// placeholders are the members that every operation with expressions has.
type placeholders struct {
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues attribute.Item
}

// write is one write, on its own or in a transaction.
type write struct {
	TableName           string
	Key                 attribute.Item // not for puts
	Item                attribute.Item // for puts only
	UpdateExpression    *string        // for updates only
	ConditionExpression *string
	placeholders
	// ReturnValuesOnConditionCheckFailure is NONE or ALL_OLD.
	ReturnValuesOnConditionCheckFailure string
}

// prepared is a write whose table is found and whose expressions are parsed, so
// that it can only fail for what is in the table.
type prepared struct {
	table     *table
	key       attribute.Item
	condition expression.Condition
	update    *expression.Update
	item      attribute.Item // what a put puts
	wantOld   bool           // in a failed condition's error
}

func (s *Service) prepare(w write) (*prepared, error) {
	found, err := s.find(w.TableName)
	if err != nil {
		return nil, err
	}
	out := &prepared{table: found, key: w.Key, item: w.Item, wantOld: w.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}
	if !slices.Contains([]string{"", "NONE", "ALL_OLD"}, w.ReturnValuesOnConditionCheckFailure) {
		return nil, invalid("1 validation error detected: 'returnValuesOnConditionCheckFailure' must be NONE or ALL_OLD")
	}
	if w.Item != nil {
		if err := found.checkItem(w.Item); err != nil {
			return nil, err
		}
		out.key = found.keyOf(w.Item)
	} else if err := found.checkKey(w.Key); err != nil {
		return nil, err
	}
	holders, err := expression.NewPlaceholders(w.ExpressionAttributeNames, w.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	if w.UpdateExpression != nil {
		if out.update, err = expression.ParseUpdate(*w.UpdateExpression, holders); err != nil {
			return nil, err
		}
		for _, key := range found.keys() {
			if out.update.Touches(key.name) {
				return nil, invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", key.name)
			}
		}
	}
	if w.ConditionExpression != nil {
		if out.condition, err = expression.ParseCondition("ConditionExpression", *w.ConditionExpression, holders); err != nil {
			return nil, err
		}
	}
	return out, holders.CheckUsed()
}

// check tells whether the condition holds, and returns the item as it is now.
func (p *prepared) check() (attribute.Item, error) {
	old := p.table.get(p.key)
	if p.condition == nil || p.condition.Holds(old) {
		return old, nil
	}
	failure := wire.Refuse("ConditionalCheckFailedException", "The conditional request failed")
	if p.wantOld && old != nil {
		failure.Members = map[string]any{"Item": old}
	}
	return nil, failure
}

// updated returns the item after the update expression.
func (p *prepared) updated(old attribute.Item) (attribute.Item, error) {
	item := old
	if item == nil {
		item = p.key // an update creates what isn't there
	}
	if p.update != nil {
		var err error
		if item, err = p.update.Apply(item); err != nil {
			return nil, err
		}
	}
	if item.Size() > maxItem {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	return item, nil
}

// checkItem checks what PutItem brings.
func (t *table) checkItem(item attribute.Item) error {
	for _, key := range t.keys() {
		if _, ok := item[key.name]; !ok {
			return invalid("One or more parameter values were invalid: Missing the key %s in the item", key.name)
		}
	}
	if item.Size() > maxItem {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return t.checkKeyValues(item)
}

// checkKey checks a key, which has the key's attributes and no others.
func (t *table) checkKey(key attribute.Item) error {
	mismatch := invalid("The provided key element does not match the schema")
	if len(key) != len(t.keys()) {
		return mismatch
	}
	for name := range key {
		if !t.isKey(name) {
			return mismatch
		}
	}
	return t.checkKeyValues(key)
}

func (t *table) checkKeyValues(item attribute.Item) error {
	limits := []int{maxPartition, maxSort}
	for i, key := range t.keys() {
		value := item[key.name]
		if value.Type != key.attrType {
			return invalid("One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s", key.name, key.attrType, value.Type)
		}
		if value.Text == "" {
			return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", key.name)
		}
		if len(value.Text) > limits[i] {
			return invalid("One or more parameter values were invalid: Size of key %s has exceeded the maximum size limit of %d bytes", key.name, limits[i])
		}
	}
	return nil
}

type itemOutput struct {
	Item       attribute.Item `json:"Item,omitempty"`
	Attributes attribute.Item `json:"Attributes,omitempty"`
}

type getInput struct {
	TableName                string
	Key                      attribute.Item
	ConsistentRead           bool
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
}

func (s *Service) getItem(_ context.Context, in getInput) (*itemOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.TableName)
	if err != nil {
		return nil, err
	}
	if err := found.checkKey(in.Key); err != nil {
		return nil, err
	}
	holders, err := expression.NewPlaceholders(in.ExpressionAttributeNames, nil)
	if err != nil {
		return nil, err
	}
	var projection *expression.Projection
	if in.ProjectionExpression != nil {
		if projection, err = expression.ParseProjection(*in.ProjectionExpression, holders); err != nil {
			return nil, err
		}
	}
	if err := holders.CheckUsed(); err != nil {
		return nil, err
	}
	return &itemOutput{Item: projection.Of(found.seen(in.Key, in.ConsistentRead))}, nil
}
