package dynamodb

import (
	"context"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/expression"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// The limits of an item and its key, in bytes.
const (
	maxItem = 400 << 10
	maxKey  = 2048
)

// write is one write, on its own or in a transaction.
type write struct {
	TableName                 string
	Key                       attribute.Item // not for puts
	Item                      attribute.Item // for puts only
	UpdateExpression          *string        // for updates only
	ConditionExpression       *string
	ExpressionAttributeValues attribute.Item
}

// prepared is a write whose table is found and whose expressions are parsed, so
// that it can only fail for what is in the table.
type prepared struct {
	table     *table
	key       attribute.Item
	condition expression.Condition
	update    *expression.Update
	item      attribute.Item // what a put puts
}

func (s *Service) prepare(w write) (*prepared, error) {
	found, err := s.find(w.TableName)
	if err != nil {
		return nil, err
	}
	out := &prepared{table: found, key: w.Key, item: w.Item}
	if w.Item != nil {
		out.key = attribute.Item{found.key: w.Item[found.key]}
		err = found.checkItem(w.Item)
	} else {
		err = found.checkKey(w.Key)
	}
	if err != nil {
		return nil, err
	}
	values, err := expression.NewValues(w.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	if w.UpdateExpression != nil {
		if out.update, err = expression.ParseUpdate(*w.UpdateExpression, values); err != nil {
			return nil, err
		}
		if out.update.Touches(found.key) {
			return nil, invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", found.key)
		}
	}
	if w.ConditionExpression != nil {
		if out.condition, err = expression.ParseCondition(*w.ConditionExpression, values); err != nil {
			return nil, err
		}
	}
	return out, values.CheckUsed()
}

func (p *prepared) id() string { return p.table.idOf(p.key) }

// check tells whether the condition holds, and returns the item as it is now.
func (p *prepared) check() (attribute.Item, error) {
	old := p.table.items[p.id()]
	if p.condition == nil || p.condition.Holds(old) {
		return old, nil
	}
	return nil, wire.Refuse("ConditionalCheckFailedException", "The conditional request failed")
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
	if _, ok := item[t.key]; !ok {
		return invalid("One or more parameter values were invalid: Missing the key %s in the item", t.key)
	}
	if item.Size() > maxItem {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return t.checkKeyValue(item[t.key])
}

// checkKey checks a key, which has the key's attribute and no other.
func (t *table) checkKey(key attribute.Item) error {
	value, ok := key[t.key]
	if !ok || len(key) != 1 {
		return invalid("The provided key element does not match the schema")
	}
	return t.checkKeyValue(value)
}

func (t *table) checkKeyValue(value attribute.Value) error {
	switch {
	case value.Type != attribute.String:
		return invalid("One or more parameter values were invalid: Type mismatch for key %s expected: S actual: %s", t.key, value.Type)
	case value.Text == "":
		return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", t.key)
	case len(value.Text) > maxKey:
		return invalid("One or more parameter values were invalid: Size of key %s has exceeded the maximum size limit of %d bytes", t.key, maxKey)
	}
	return nil
}

type itemOutput struct {
	Item       attribute.Item `json:"Item,omitempty"`
	Attributes attribute.Item `json:"Attributes,omitempty"`
}

type getInput struct {
	TableName      string
	Key            attribute.Item
	ConsistentRead bool
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
	return &itemOutput{Item: found.seen(found.idOf(in.Key), in.ConsistentRead)}, nil
}
