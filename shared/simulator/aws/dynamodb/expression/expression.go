// Package expression parses and evaluates DynamoDB's condition, filter, key
// condition, update and projection expressions.
//
// Of conditions it knows the comparisons, attribute_exists, attribute_not_exists,
// begins_with, AND, OR, NOT and parentheses; of updates SET with +, - and
// if_not_exists, REMOVE, and ADD; of paths the members of maps. What else
// DynamoDB has is refused as not simulated, never misunderstood.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
package expression

import (
	"maps"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

// Placeholders are the names (#n) and values (:v) that expressions refer to. One
// set serves all expressions of a request.
type Placeholders struct {
	names  map[string]string
	values attribute.Item
	used   map[string]bool
}

// NewPlaceholders takes ExpressionAttributeNames and ExpressionAttributeValues.
func NewPlaceholders(names map[string]string, values attribute.Item) (*Placeholders, error) {
	if names != nil && len(names) == 0 {
		return nil, wire.Refuse("ValidationException", "ExpressionAttributeNames must not be empty")
	}
	if values != nil && len(values) == 0 {
		return nil, wire.Refuse("ValidationException", "ExpressionAttributeValues must not be empty")
	}
	return &Placeholders{names: names, values: values, used: map[string]bool{}}, nil
}

// CheckUsed refuses placeholders that no expression has used, as DynamoDB does.
// Call it when all expressions of the request are parsed.
func (p *Placeholders) CheckUsed() error {
	for _, kind := range []struct {
		member string
		keys   []string
	}{
		{"ExpressionAttributeNames", slices.Sorted(maps.Keys(p.names))},
		{"ExpressionAttributeValues", slices.Sorted(maps.Keys(p.values))},
	} {
		unused := slices.DeleteFunc(kind.keys, func(key string) bool { return p.used[key] })
		if len(unused) > 0 {
			return wire.Refuse("ValidationException", "Value provided in %s unused in expressions: keys: {%s}", kind.member, strings.Join(unused, ", "))
		}
	}
	return nil
}

func (p *Placeholders) name(kind, placeholder string) (string, error) {
	p.used[placeholder] = true
	if name, ok := p.names[placeholder]; ok {
		return name, nil
	}
	return "", invalid(kind, "An expression attribute name used in the document path is not defined; attribute name: %s", placeholder)
}

func (p *Placeholders) value(kind, placeholder string) (attribute.Value, error) {
	p.used[placeholder] = true
	if value, ok := p.values[placeholder]; ok {
		return value, nil
	}
	return attribute.Value{}, invalid(kind, "An expression attribute value used in expression is not defined; attribute value: %s", placeholder)
}

// path leads to an attribute, or to a member of a map.
type path []string

// find returns the value at the path.
func (p path) find(item attribute.Item) (attribute.Value, bool) {
	for _, name := range p[:len(p)-1] {
		item = item[name].Map
	}
	value, ok := item[p[len(p)-1]]
	return value, ok
}

// overlaps tells whether one path leads through the other.
func (p path) overlaps(other path) bool {
	n := min(len(p), len(other))
	return slices.Equal(p[:n], other[:n])
}

func (p path) String() string { return "[" + strings.Join(p, ", ") + "]" }
