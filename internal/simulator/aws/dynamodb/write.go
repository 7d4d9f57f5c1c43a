package dynamodb

import (
	"context"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
)

// condition has the members of the single writes besides what they write.
type condition struct {
	TableName                 string
	ConditionExpression       *string
	ExpressionAttributeValues attribute.Item
}

func (c condition) write() write {
	return write{TableName: c.TableName, ConditionExpression: c.ConditionExpression, ExpressionAttributeValues: c.ExpressionAttributeValues}
}

type putInput struct {
	Item attribute.Item
	condition
}

func (s *Service) putItem(_ context.Context, in putInput) (*itemOutput, error) {
	request := in.write()
	request.Item = in.Item
	return s.carryOut(request, func(ready *prepared, _ attribute.Item) (*itemOutput, error) {
		ready.table.set(in.Item)
		return &itemOutput{}, nil
	})
}

// carryOut checks a write's condition and does what is to be done, with the item as
// it was before.
func (s *Service) carryOut(request write, do func(ready *prepared, old attribute.Item) (*itemOutput, error)) (*itemOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ready, err := s.prepare(request)
	if err != nil {
		return nil, err
	}
	old, err := ready.check()
	if err != nil {
		return nil, err
	}
	return do(ready, old)
}

type deleteInput struct {
	Key attribute.Item
	condition
}

func (s *Service) deleteItem(_ context.Context, in deleteInput) (*itemOutput, error) {
	request := in.write()
	request.Key = in.Key
	return s.carryOut(request, func(ready *prepared, _ attribute.Item) (*itemOutput, error) {
		ready.table.remove(ready.id())
		return &itemOutput{}, nil
	})
}

type updateInput struct {
	Key              attribute.Item
	UpdateExpression *string
	condition
	// ReturnValues is NONE or ALL_NEW.
	ReturnValues string
}

func (s *Service) updateItem(_ context.Context, in updateInput) (*itemOutput, error) {
	if in.ReturnValues != "" && in.ReturnValues != "NONE" && in.ReturnValues != "ALL_NEW" {
		return nil, invalid("Return values set to invalid value: %s", in.ReturnValues)
	}
	request := in.write()
	request.Key, request.UpdateExpression = in.Key, in.UpdateExpression
	return s.carryOut(request, func(ready *prepared, old attribute.Item) (*itemOutput, error) {
		fresh, err := ready.updated(old)
		if err != nil {
			return nil, err
		}
		ready.table.set(fresh)
		if in.ReturnValues == "ALL_NEW" {
			return &itemOutput{Attributes: fresh}, nil
		}
		return &itemOutput{}, nil
	})
}
