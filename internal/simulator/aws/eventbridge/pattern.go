package eventbridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pattern is an event pattern: an event matches when each field named has one of
// the values listed. Of the comparisons EventBridge has, it knows equality,
// prefix, suffix, exists, and anything-but with values or a prefix.
// Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
type pattern map[string]field

// field is either a pattern for an object or a list of values to match.
type field struct {
	object pattern
	values []matcher
}

// matcher is one element of the list.
type matcher struct {
	equal          string // canonical JSON of a literal; empty for the others
	prefix, suffix *string
	exists         *bool
	not            []matcher // anything-but: none of them takes the value
}

func parsePattern(data []byte) (pattern, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("parse event pattern: %w", err)
	}
	return newPattern("", raw)
}

func newPattern(path string, raw map[string]any) (pattern, error) {
	if len(raw) == 0 {
		return nil, fmt.Errorf("event pattern %q is empty", path)
	}
	parsed := pattern{}
	for name, value := range raw {
		at := strings.TrimPrefix(path+"."+name, ".")
		if strings.HasPrefix(name, "$") {
			return nil, fmt.Errorf("event pattern %s: %s is not simulated", at, name)
		}
		switch value := value.(type) {
		case map[string]any:
			object, err := newPattern(at, value)
			if err != nil {
				return nil, err
			}
			parsed[name] = field{object: object}
		case []any:
			values, err := newMatchers(at, value)
			if err != nil {
				return nil, err
			}
			parsed[name] = field{values: values}
		default:
			return nil, fmt.Errorf("event pattern %s: %v must be an object or an array", at, value)
		}
	}
	return parsed, nil
}

func newMatchers(at string, list []any) ([]matcher, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("event pattern %s: the array is empty", at)
	}
	matchers := make([]matcher, len(list))
	for i, element := range list {
		comparison, ok := element.(map[string]any)
		if !ok {
			matchers[i].equal = canonical(element)
			continue
		}
		if err := matchers[i].compare(comparison); err != nil {
			return nil, fmt.Errorf("event pattern %s: %w", at, err)
		}
	}
	return matchers, nil
}

func (m *matcher) compare(comparison map[string]any) error {
	if len(comparison) != 1 {
		return fmt.Errorf("%v must have one comparison", comparison)
	}
	for name, operand := range comparison {
		if name == "anything-but" {
			return m.anythingBut(operand)
		}
		text, isText := operand.(string)
		flag, isFlag := operand.(bool)
		switch {
		case name == "prefix" && isText:
			m.prefix = &text
		case name == "suffix" && isText:
			m.suffix = &text
		case name == "exists" && isFlag:
			m.exists = &flag
		default:
			return fmt.Errorf("the comparison %s with %v is not simulated", name, operand)
		}
	}
	return nil
}

// anythingBut takes one value, a list of values, or one comparison.
func (m *matcher) anythingBut(operand any) error {
	list, isList := operand.([]any)
	if !isList {
		list = []any{operand}
	}
	var err error
	m.not, err = newMatchers("anything-but", list)
	if err == nil && slices.ContainsFunc(m.not, func(n matcher) bool { return n.exists != nil || n.not != nil }) {
		return errors.New("anything-but takes values or a prefix")
	}
	return err
}

// canonical returns a literal's JSON, by which literals are compared; numbers
// are compared as they are written, as EventBridge did for long.
func canonical(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // it came out of JSON
	}
	return string(text)
}

func (p pattern) matches(event Event) bool {
	encoded, err := json.Marshal(event)
	if err != nil {
		panic(err) // the detail was checked when it came in
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		panic(err)
	}
	return p.matchesObject(object)
}

func (p pattern) matchesObject(object map[string]any) bool {
	for name, field := range p {
		value, there := object[name]
		if field.object != nil {
			inner, _ := value.(map[string]any) // a field that is no object is an empty one
			if !field.object.matchesObject(inner) {
				return false
			}
			continue
		}
		if !anyMatches(field.values, value, there) {
			return false
		}
	}
	return true
}

// anyMatches tells whether one of the matchers takes the value, or one of its
// elements when it is an array.
func anyMatches(matchers []matcher, value any, there bool) bool {
	elements, isList := value.([]any)
	if !isList {
		elements = []any{value}
	}
	for _, matcher := range matchers {
		if matcher.exists != nil {
			if *matcher.exists == there {
				return true
			}
			continue
		}
		for _, element := range elements {
			if there && matcher.takes(element) {
				return true
			}
		}
	}
	return false
}

func (m matcher) takes(value any) bool {
	text, isText := value.(string)
	switch {
	case m.prefix != nil:
		return isText && strings.HasPrefix(text, *m.prefix)
	case m.suffix != nil:
		return isText && strings.HasSuffix(text, *m.suffix)
	case m.not != nil:
		return !slices.ContainsFunc(m.not, func(n matcher) bool { return n.takes(value) })
	}
	return canonical(value) == m.equal
}
