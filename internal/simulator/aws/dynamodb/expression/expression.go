// Package expression parses and evaluates DynamoDB's condition and update expressions.
//
// Of conditions it knows the comparisons, attribute_exists, attribute_not_exists, AND,
// OR and parentheses; of updates SET to a value and ADD. Attributes go by their plain
// names. What else DynamoDB has is refused as not simulated, never misunderstood.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
package expression

import (
	"maps"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// Values are what the placeholders (:v) of expressions stand for. One set serves all
// expressions of a request.
type Values struct {
	values attribute.Item
	used   map[string]bool
}

// NewValues takes ExpressionAttributeValues.
func NewValues(values attribute.Item) (*Values, error) {
	if values != nil && len(values) == 0 {
		return nil, wire.Refuse("ValidationException", "ExpressionAttributeValues must not be empty")
	}
	return &Values{values: values, used: map[string]bool{}}, nil
}

// CheckUsed refuses values that no expression has used, as DynamoDB does. Call it
// when all expressions of the request are parsed.
func (v *Values) CheckUsed() error {
	unused := slices.DeleteFunc(slices.Sorted(maps.Keys(v.values)), func(placeholder string) bool { return v.used[placeholder] })
	if len(unused) == 0 {
		return nil
	}
	return wire.Refuse("ValidationException", "Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", strings.Join(unused, ", "))
}

func (v *Values) of(kind, placeholder string) (attribute.Value, error) {
	v.used[placeholder] = true
	if value, ok := v.values[placeholder]; ok {
		return value, nil
	}
	return attribute.Value{}, invalid(kind, "An expression attribute value used in expression is not defined; attribute value: %s", placeholder)
}
