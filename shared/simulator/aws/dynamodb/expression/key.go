package expression

import (
	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
)

const keyKind = "KeyConditionExpression"

// KeyCondition selects items of one partition.
type KeyCondition struct {
	// Partition is the value of the partition key.
	Partition attribute.Value
	// Sort is the condition on the sort key, nil for none.
	Sort Condition
}

// ParseKeyCondition parses a KeyConditionExpression for a table with these key
// attributes; sort is empty for a table without a sort key.
func ParseKeyCondition(text, partition, sort string, placeholders *Placeholders) (*KeyCondition, error) {
	p, err := newParser(keyKind, text, placeholders)
	if err != nil {
		return nil, err
	}
	parsed, err := p.or()
	if err != nil {
		return nil, err
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	conditions := []Condition{parsed}
	if and, ok := parsed.(both); ok {
		conditions = []Condition{and.left, and.right}
	}
	var key *KeyCondition
	var onSort Condition
	for _, condition := range conditions {
		name, value, operator := keyParts(condition)
		switch {
		case name == partition && operator == "=" && key == nil:
			key = &KeyCondition{Partition: value}
		case name == sort && sort != "" && operator != "<>" && onSort == nil:
			onSort = condition
		default:
			return nil, invalid(keyKind, "Query key condition not supported")
		}
	}
	if key == nil {
		return nil, invalid(keyKind, "Query condition missed key schema element: %s", partition)
	}
	key.Sort = onSort
	return key, nil
}

// keyParts takes a condition apart that compares an attribute with a value; name
// is empty for any other.
func keyParts(c Condition) (name string, value attribute.Value, operator string) {
	switch c := c.(type) {
	case comparison:
		if len(c.left.at) == 1 && c.right.at == nil {
			return c.left.at[0], c.right.value, c.operator
		}
	case beginning:
		if len(c.at.at) == 1 && c.prefix.at == nil {
			return c.at.at[0], c.prefix.value, "begins_with"
		}
	}
	return "", attribute.Value{}, ""
}

// Projection picks attributes of items.
type Projection struct{ names []string }

// ParseProjection parses a ProjectionExpression of whole attributes.
func ParseProjection(text string, placeholders *Placeholders) (*Projection, error) {
	const kind = "ProjectionExpression"
	p, err := newParser(kind, text, placeholders)
	if err != nil {
		return nil, err
	}
	projection := &Projection{}
	for more := true; more; more = p.accept(",") {
		at, err := p.path()
		if err != nil {
			return nil, err
		}
		if len(at) > 1 {
			return nil, invalid(kind, "the simulator projects whole attributes only, not %s", at)
		}
		projection.names = append(projection.names, at[0])
	}
	return projection, p.end()
}

// Of returns the part of the item that is projected; a nil projection is all of it.
func (p *Projection) Of(item attribute.Item) attribute.Item {
	if p == nil {
		return item
	}
	part := attribute.Item{}
	for _, name := range p.names {
		if value, ok := item[name]; ok {
			part[name] = value
		}
	}
	return part
}
