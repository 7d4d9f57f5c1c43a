package dynamodb

import (
	"context"
	"slices"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
)

// condition has the members of the single writes besides what they write.
type condition struct {
	TableName           string
	ConditionExpression *string
	placeholders
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string
}

func (c condition) write() write {
	return write{
		TableName: c.TableName, ConditionExpression: c.ConditionExpression, placeholders: c.placeholders,
		ReturnValuesOnConditionCheckFailure: c.ReturnValuesOnConditionCheckFailure,
	}
}

// returns checks ReturnValues against what the operation knows.
func (c condition) returns(known ...string) error {
	if c.ReturnValues == "" || c.ReturnValues == "NONE" || slices.Contains(known, c.ReturnValues) {
		return nil
	}
	return invalid("Return values set to invalid value: %s", c.ReturnValues)
}

type putInput struct {
	Item attribute.Item
	condition
}

func (s *Service) putItem(_ context.Context, in putInput) (*itemOutput, error) {
	if err := in.returns("ALL_OLD"); err != nil {
		return nil, err
	}
	request := in.write()
	request.Item = in.Item
	return s.replace(request, in.ReturnValues, func(t *table) { t.set(in.Item) })
}

// replace checks a write's condition, carries it out, and answers with the item
// that was there before, if that was asked for.
func (s *Service) replace(request write, returnValues string, carryOut func(*table)) (*itemOutput, error) {
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
	carryOut(ready.table)
	return answer(returnValues, old), nil
}

// answer returns the old item to who asked for it.
func answer(returnValues string, old attribute.Item) *itemOutput {
	if returnValues == "ALL_OLD" {
		return &itemOutput{Attributes: old}
	}
	return &itemOutput{}
}

type deleteInput struct {
	Key attribute.Item
	condition
}

func (s *Service) deleteItem(_ context.Context, in deleteInput) (*itemOutput, error) {
	if err := in.returns("ALL_OLD"); err != nil {
		return nil, err
	}
	request := in.write()
	request.Key = in.Key
	return s.replace(request, in.ReturnValues, func(t *table) { t.remove(in.Key) })
}

type updateInput struct {
	Key              attribute.Item
	UpdateExpression *string
	condition
}

func (s *Service) updateItem(_ context.Context, in updateInput) (*itemOutput, error) {
	if err := in.returns("ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	request := in.write()
	request.Key, request.UpdateExpression = in.Key, in.UpdateExpression
	ready, err := s.prepare(request)
	if err != nil {
		return nil, err
	}
	old, err := ready.check()
	if err != nil {
		return nil, err
	}
	fresh, err := ready.updated(old)
	if err != nil {
		return nil, err
	}
	ready.table.set(fresh)
	switch in.ReturnValues {
	case "ALL_NEW":
		return &itemOutput{Attributes: fresh}, nil
	case "UPDATED_NEW":
		return &itemOutput{Attributes: ready.changed(fresh)}, nil
	case "UPDATED_OLD":
		return &itemOutput{Attributes: ready.changed(old)}, nil
	}
	return answer(in.ReturnValues, old), nil
}

func (p *prepared) changed(item attribute.Item) attribute.Item {
	if p.update == nil {
		return nil
	}
	return p.update.Changed(item)
}
