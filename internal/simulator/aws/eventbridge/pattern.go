package eventbridge

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// pattern is an event pattern: an event matches when each field named has one of
// the values listed. Of EventBridge's comparisons it knows those of template.yaml:
// equality, prefix, and anything-but with one of the two. All others are refused.
// Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
type pattern map[string]field

// field is either a pattern for an object or a list of values to match.
type field struct {
	object pattern
	values []matcher
}

// matcher is one element of the list. It tells whether it takes a value.
type matcher func(value any) bool

func parsePattern(data []byte) (pattern, error) {
	var raw map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
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
		var inner field
		var err error
		switch value := value.(type) {
		case map[string]any:
			inner.object, err = newPattern(at, value)
		case []any:
			inner.values, err = newMatchers(at, value)
		default:
			err = fmt.Errorf("event pattern %s: %v must be an object or an array", at, value)
		}
		if err != nil {
			return nil, err
		}
		parsed[name] = inner
	}
	return parsed, nil
}

func newMatchers(at string, list []any) ([]matcher, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("event pattern %s: the array is empty", at)
	}
	matchers := make([]matcher, len(list))
	for i, element := range list {
		var err error
		if matchers[i], err = newMatcher(element); err != nil {
			return nil, fmt.Errorf("event pattern %s: %w", at, err)
		}
	}
	return matchers, nil
}

func newMatcher(element any) (matcher, error) {
	comparison, ok := element.(map[string]any)
	if _, isList := element.([]any); !ok && !isList {
		return func(value any) bool { return value == element }, nil
	}
	prefix, isText := comparison["prefix"].(string)
	operand, negates := comparison["anything-but"]
	switch {
	case len(comparison) == 1 && isText:
		return func(value any) bool {
			text, isText := value.(string)
			return isText && strings.HasPrefix(text, prefix)
		}, nil
	case len(comparison) == 1 && negates:
		takes, err := newMatcher(operand)
		return func(value any) bool { return !takes(value) }, err
	}
	return nil, fmt.Errorf("the comparison %v is not simulated", element)
}

func (p pattern) matches(event Event) bool {
	encoded, err := json.Marshal(event)
	if err != nil {
		panic(err) // the detail was checked when it came in
	}
	var object map[string]any
	if err := json.Unmarshal(encoded, &object); err != nil {
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
		if !there || !anyTakes(field.values, value) {
			return false
		}
	}
	return true
}

// anyTakes tells whether one of the matchers takes the value, or one of its elements
// when it is an array.
func anyTakes(matchers []matcher, value any) bool {
	elements, isList := value.([]any)
	if !isList {
		elements = []any{value}
	}
	return slices.ContainsFunc(matchers, func(takes matcher) bool { return slices.ContainsFunc(elements, takes) })
}
