package expression

import (
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

// Condition tells whether an item is as it should be; nil stands for no item.
type Condition interface {
	Holds(item attribute.Item) bool
}

// ParseCondition parses a ConditionExpression or a FilterExpression; kind is one
// of those words.
func ParseCondition(kind, text string, placeholders *Placeholders) (Condition, error) {
	p, err := newParser(kind, text, placeholders)
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
	negation  struct{ inner Condition }
	existence struct {
		at   path
		want bool
	}
	beginning  struct{ at, prefix operand }
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
func (c negation) Holds(item attribute.Item) bool { return !c.inner.Holds(item) }

// Holds implements Condition.
func (c existence) Holds(item attribute.Item) bool {
	_, ok := c.at.find(item)
	return ok == c.want
}

// Holds implements Condition.
func (c beginning) Holds(item attribute.Item) bool {
	value, ok := c.at.find(item)
	prefix, there := c.prefix.find(item)
	return ok && there && value.HasPrefix(prefix)
}

// Holds implements Condition. With an attribute that isn't there, only <> holds.
func (c comparison) Holds(item attribute.Item) bool {
	left, hasLeft := c.left.find(item)
	right, hasRight := c.right.find(item)
	equal := hasLeft && hasRight && left.Equal(right)
	switch c.operator {
	case "=":
		return equal
	case "<>":
		return !equal
	}
	if !hasLeft || !hasRight || left.Type != right.Type || !left.Type.Ordered() {
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

// operand is an attribute's path or a value.
type operand struct {
	at    path
	value attribute.Value
}

func (o operand) find(item attribute.Item) (attribute.Value, bool) {
	if o.at == nil {
		return o.value, true
	}
	return o.at.find(item)
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
	left, err := p.not()
	for err == nil && p.accept("AND") {
		var right Condition
		right, err = p.not()
		left = both{left, right}
	}
	return left, err
}

func (p *parser) not() (Condition, error) {
	if p.accept("NOT") {
		inner, err := p.not()
		return negation{inner}, err
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
		at, err := p.path()
		if err != nil {
			return nil, err
		}
		return existence{at, name == "attribute_exists"}, p.expect(")")
	case "begins_with":
		at, err := p.operand()
		if err != nil {
			return nil, err
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
		prefix, err := p.operand()
		if err != nil {
			return nil, err
		}
		return beginning{at, prefix}, p.expect(")")
	case "attribute_type", "contains", "size":
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
	if err != nil {
		return nil, err
	}
	for _, side := range []operand{left, right} {
		if operator != "=" && operator != "<>" && side.at == nil && !side.value.Type.Ordered() {
			return nil, invalid(p.kind, "Incorrect operand type for operator or function; operator: %s, operand type: %s", operator, side.value.Type)
		}
	}
	return comparison{operator, left, right}, nil
}

func (p *parser) operand() (operand, error) {
	if strings.HasPrefix(p.peek(), ":") {
		value, err := p.placeholders.value(p.kind, p.take())
		return operand{value: value}, err
	}
	if function, ok := p.call(); ok {
		return operand{}, wire.Missing("function as an operand", function)
	}
	at, err := p.path()
	return operand{at: at}, err
}
