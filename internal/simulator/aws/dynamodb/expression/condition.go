package expression

import (
	"slices"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// Condition tells whether an item is as it should be; nil stands for no item.
type Condition interface {
	Holds(item attribute.Item) bool
}

// ParseCondition parses a ConditionExpression.
func ParseCondition(text string, values *Values) (Condition, error) {
	p, err := newParser("ConditionExpression", text, values)
	if err != nil {
		return nil, err
	}
	parsed, err := p.or()
	if err != nil {
		return nil, err
	}
	return parsed, p.end()
}

type (
	both      struct{ left, right Condition }
	either    struct{ left, right Condition }
	existence struct {
		name string
		want bool
	}
	comparison struct {
		operator    string
		left, right operand
	}
)

// Holds implements Condition.
func (c both) Holds(item attribute.Item) bool { return c.left.Holds(item) && c.right.Holds(item) }

// Holds implements Condition.
func (c either) Holds(item attribute.Item) bool { return c.left.Holds(item) || c.right.Holds(item) }

// Holds implements Condition.
func (c existence) Holds(item attribute.Item) bool {
	_, ok := item[c.name]
	return ok == c.want
}

// Holds implements Condition. With an attribute that isn't there, only <> holds.
func (c comparison) Holds(item attribute.Item) bool {
	left, hasLeft := c.left.find(item)
	right, hasRight := c.right.find(item)
	equal := hasLeft && hasRight && left == right
	switch c.operator {
	case "=":
		return equal
	case "<>":
		return !equal
	}
	if !hasLeft || !hasRight || left.Type != right.Type {
		return false
	}
	order := left.Compare(right)
	switch c.operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

// operand is an attribute, by its name, or a value.
type operand struct {
	name  string
	value attribute.Value
}

func (o operand) find(item attribute.Item) (attribute.Value, bool) {
	if o.name == "" {
		return o.value, true
	}
	value, ok := item[o.name]
	return value, ok
}

func (p *parser) or() (Condition, error) {
	left, err := p.and()
	for err == nil && p.accept("OR") {
		var right Condition
		right, err = p.and()
		left = either{left, right}
	}
	return left, err
}

func (p *parser) and() (Condition, error) {
	left, err := p.one()
	for err == nil && p.accept("AND") {
		var right Condition
		right, err = p.one()
		left = both{left, right}
	}
	return left, err
}

func (p *parser) one() (Condition, error) {
	if p.accept("NOT") {
		return nil, wire.Missing("operator", "NOT")
	}
	if p.accept("(") {
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	if function, ok := p.call(); ok {
		return p.function(function)
	}
	return p.comparison()
}

func (p *parser) function(name string) (Condition, error) {
	switch name {
	case "attribute_exists", "attribute_not_exists":
		attribute, err := p.name()
		if err != nil {
			return nil, err
		}
		return existence{attribute, name == "attribute_exists"}, p.expect(")")
	case "attribute_type", "begins_with", "contains", "size":
		return nil, wire.Missing("function", name)
	}
	return nil, invalid(p.kind, "Invalid function name; function: %s", name)
}

func (p *parser) comparison() (Condition, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	operator := p.take()
	if upper := strings.ToUpper(operator); upper == "BETWEEN" || upper == "IN" {
		return nil, wire.Missing("operator", upper)
	}
	if !slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, operator) {
		p.next--
		return nil, p.syntaxError()
	}
	right, err := p.operand()
	return comparison{operator, left, right}, err
}

func (p *parser) operand() (operand, error) {
	if strings.HasPrefix(p.peek(), ":") {
		value, err := p.values.of(p.kind, p.take())
		return operand{value: value}, err
	}
	if function, ok := p.call(); ok {
		return operand{}, wire.Missing("function as an operand", function)
	}
	name, err := p.name()
	return operand{name: name}, err
}
