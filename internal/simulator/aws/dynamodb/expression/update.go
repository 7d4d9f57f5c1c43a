package expression

import (
	"maps"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

const updateKind = "UpdateExpression"

// Update changes an item.
type Update struct{ actions []action }

// action sets one attribute to a value, or adds the value to it.
type action struct {
	add   bool
	name  string
	value attribute.Value
}

// ParseUpdate parses an UpdateExpression.
func ParseUpdate(text string, values *Values) (*Update, error) {
	p, err := newParser(updateKind, text, values)
	if err != nil {
		return nil, err
	}
	update := &Update{}
	seen := map[string]bool{}
	for p.next < len(p.tokens) {
		clause := strings.ToUpper(p.take())
		if seen[clause] {
			return nil, invalid(updateKind, "The %q section can only be used once in an update expression;", clause)
		}
		seen[clause] = true
		for more := true; more; more = p.accept(",") {
			parsed, err := p.action(clause)
			if err != nil {
				return nil, err
			}
			if update.Touches(parsed.name) {
				return nil, invalid(updateKind, "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", parsed.name, parsed.name)
			}
			update.actions = append(update.actions, parsed)
		}
	}
	return update, nil
}

func (p *parser) action(clause string) (action, error) {
	switch clause {
	case "SET", "ADD":
	case "REMOVE", "DELETE":
		return action{}, wire.Missing("clause of update expressions", clause)
	default:
		p.next--
		return action{}, p.syntaxError()
	}
	parsed := action{add: clause == "ADD"}
	var err error
	if parsed.name, err = p.name(); err != nil {
		return parsed, err
	}
	if !parsed.add {
		if err := p.expect("="); err != nil {
			return parsed, err
		}
	}
	if parsed.value, err = p.value(parsed.add); err != nil {
		return parsed, err
	}
	if parsed.add && parsed.value.Type != attribute.Number {
		return parsed, invalid(updateKind, "Incorrect operand type for operator or function; operator: ADD, operand type: %s", parsed.value.Type)
	}
	return parsed, nil
}

// value takes a placeholder. DynamoDB's SET also takes attributes, functions and sums.
func (p *parser) value(add bool) (attribute.Value, error) {
	token := p.peek()
	if !strings.HasPrefix(token, ":") {
		if !add && isWord(token) {
			return attribute.Value{}, wire.Missing("operand of SET", token)
		}
		return attribute.Value{}, p.syntaxError()
	}
	p.next++
	if next := p.peek(); next == "+" || next == "-" {
		return attribute.Value{}, wire.Missing("operator of SET", next)
	}
	return p.values.of(p.kind, token)
}

// Touches tells whether the update changes the attribute of that name.
func (u *Update) Touches(name string) bool {
	return slices.ContainsFunc(u.actions, func(a action) bool { return a.name == name })
}

// Apply returns the item after the update. An attribute that isn't there counts as 0.
func (u *Update) Apply(item attribute.Item) (attribute.Item, error) {
	after := maps.Clone(item)
	for _, action := range u.actions {
		old, there := item[action.name]
		if !action.add || !there {
			after[action.name] = action.value
			continue
		}
		if old.Type != attribute.Number {
			return nil, wire.Refuse("ValidationException", "An operand in the update expression has an incorrect data type")
		}
		sum, err := attribute.Add(old, action.value)
		if err != nil {
			return nil, err
		}
		after[action.name] = sum
	}
	return after, nil
}
