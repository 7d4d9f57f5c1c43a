package expression

import (
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

const updateKind = "UpdateExpression"

// Update changes an item.
type Update struct{ actions []action }

// action sets, removes or adds to one path.
type action struct {
	clause string
	at     path
	terms  []term // of SET: one, or two that are added
	minus  bool   // or subtracted
	value  attribute.Value
}

// term is an operand of SET.
type term struct {
	operand
	// fallback serves if_not_exists(path, fallback).
	fallback *term
}

// ParseUpdate parses an UpdateExpression.
func ParseUpdate(text string, placeholders *Placeholders) (*Update, error) {
	p, err := newParser(updateKind, text, placeholders)
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
			update.actions = append(update.actions, parsed)
		}
	}
	return update, update.checkOverlap()
}

func (p *parser) action(clause string) (action, error) {
	switch clause {
	case "SET", "REMOVE", "ADD":
	case "DELETE":
		return action{}, wire.Missing("clause of update expressions", clause)
	default:
		p.next--
		return action{}, p.syntaxError()
	}
	at, err := p.path()
	parsed := action{clause: clause, at: at}
	switch {
	case err != nil:
	case clause == "SET":
		err = p.set(&parsed)
	case clause == "ADD":
		err = p.add(&parsed)
	}
	return parsed, err
}

func (p *parser) set(to *action) error {
	if err := p.expect("="); err != nil {
		return err
	}
	first, err := p.term()
	if err != nil {
		return err
	}
	to.terms = []term{first}
	if plus := p.accept("+"); plus || p.accept("-") {
		second, err := p.term()
		to.terms, to.minus = append(to.terms, second), !plus
		return err
	}
	return nil
}

func (p *parser) term() (term, error) {
	function, ok := p.call()
	if !ok {
		parsed, err := p.operand()
		return term{operand: parsed}, err
	}
	if function == "list_append" {
		return term{}, wire.Missing("function", function)
	}
	if function != "if_not_exists" {
		return term{}, invalid(updateKind, "Invalid function name; function: %s", function)
	}
	at, err := p.path()
	if err != nil {
		return term{}, err
	}
	if err := p.expect(","); err != nil {
		return term{}, err
	}
	fallback, err := p.term()
	if err != nil {
		return term{}, err
	}
	return term{operand{at: at}, &fallback}, p.expect(")")
}

func (p *parser) add(to *action) error {
	if len(to.at) > 1 {
		return wire.Missing("ADD to a member of a map", to.at.String())
	}
	if !strings.HasPrefix(p.peek(), ":") {
		return p.syntaxError()
	}
	value, err := p.placeholders.value(p.kind, p.take())
	if err != nil {
		return err
	}
	if !slices.Contains([]attribute.Type{attribute.Number, attribute.StringSet, attribute.NumberSet, attribute.BinarySet}, value.Type) {
		return invalid(updateKind, "Incorrect operand type for operator or function; operator: ADD, operand type: %s", value.Type)
	}
	to.value = value
	return nil
}

func (u *Update) checkOverlap() error {
	for i, one := range u.actions {
		for _, two := range u.actions[i+1:] {
			if one.at.overlaps(two.at) {
				return invalid(updateKind, "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", one.at, two.at)
			}
		}
	}
	return nil
}

// Touches tells whether the update changes the attribute of that name, or a part of it.
func (u *Update) Touches(name string) bool {
	return slices.ContainsFunc(u.actions, func(a action) bool { return a.at[0] == name })
}

// Apply returns the item after the update. All operands are those from before it.
func (u *Update) Apply(item attribute.Item) (attribute.Item, error) {
	after := item.Clone()
	for _, action := range u.actions {
		if err := action.apply(item, after); err != nil {
			return nil, err
		}
	}
	return after, nil
}

// Changed returns the attributes that the update is about, as they are in item:
// what UPDATED_OLD and UPDATED_NEW return.
func (u *Update) Changed(item attribute.Item) attribute.Item {
	changed := attribute.Item{}
	for _, action := range u.actions {
		if value, ok := item[action.at[0]]; ok {
			changed[action.at[0]] = value
		}
	}
	return changed
}

func (a action) apply(before, after attribute.Item) error {
	target := after
	for _, name := range a.at[:len(a.at)-1] {
		target = target[name].Map
	}
	if target == nil {
		return wire.Refuse("ValidationException", "The document path provided in the update expression is invalid for update")
	}
	name := a.at[len(a.at)-1]
	switch a.clause {
	case "REMOVE":
		delete(target, name)
		return nil
	case "ADD":
		sum, err := a.sum(before)
		if err == nil {
			target[name] = sum
		}
		return err
	}
	value, err := a.evaluate(before)
	if err == nil {
		target[name] = value
	}
	return err
}

// sum is the value after ADD; what isn't there counts as 0 or the empty set.
func (a action) sum(before attribute.Item) (attribute.Value, error) {
	old, ok := a.at.find(before)
	switch {
	case !ok:
		return a.value, nil
	case old.Type != a.value.Type:
		return old, errOperandType()
	case old.Type == attribute.Number:
		return attribute.Add(old, a.value, false)
	}
	return attribute.Union(old, a.value), nil
}

func (a action) evaluate(before attribute.Item) (attribute.Value, error) {
	first, err := a.terms[0].evaluate(before)
	if err != nil || len(a.terms) == 1 {
		return first, err
	}
	second, err := a.terms[1].evaluate(before)
	if err != nil {
		return second, err
	}
	if first.Type != attribute.Number || second.Type != attribute.Number {
		return first, errOperandType()
	}
	return attribute.Add(first, second, a.minus)
}

func (t term) evaluate(before attribute.Item) (attribute.Value, error) {
	if value, ok := t.find(before); ok {
		return value, nil
	}
	if t.fallback != nil {
		return t.fallback.evaluate(before)
	}
	return attribute.Value{}, wire.Refuse("ValidationException", "The provided expression refers to an attribute that does not exist in the item")
}

func errOperandType() error {
	return wire.Refuse("ValidationException", "An operand in the update expression has an incorrect data type")
}
