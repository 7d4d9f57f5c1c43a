package bitbucket

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Shape is how linker values are written.
type Shape struct {
	// Create is the body that adds one value.
	Create Body
	// Bulk is the body that sends all values.
	Bulk Body
}

// Body is the shape of one request body. The zero value is a plain string for one
// value and a list of strings for many.
type Body struct {
	// Envelope is the name of the list in an object around it; empty means none.
	Envelope string
	// Field is the name of the value in an object around it; empty means none.
	Field string
}

// Pinned returns a codec that writes as an example of each body shows, as a person
// would write it down from a working call: {"value": "BB"} and ["BB", "OPS"]. The
// names and the nesting count, the values don't. With both empty it is a codec that
// finds out by itself; with one of them it is an error.
func Pinned(create, bulk string) (*Codec, error) {
	if create == "" && bulk == "" {
		return &Codec{}, nil
	}
	one, isList, err := parseBody(create)
	if err != nil || isList {
		return nil, fmt.Errorf(`read shape of a create body %q: want an example such as {"value": "BB"} or "BB"`, create)
	}
	many, isList, err := parseBody(bulk)
	if err != nil || !isList && many.Envelope == "" {
		return nil, fmt.Errorf(`read shape of a bulk body %q: want an example such as ["BB"], [{"value": "BB"}] or {"values": ["BB"]}`, bulk)
	}
	return &Codec{Shape: &Shape{Create: one, Bulk: many}}, nil
}

// parseBody tells, too, whether the example is a list without an envelope.
func parseBody(example string) (body Body, isList bool, err error) {
	var decoded any
	if err := json.Unmarshal([]byte(example), &decoded); err != nil {
		return Body{}, false, fmt.Errorf("parse example: %w", err)
	}
	if object, ok := decoded.(map[string]any); ok && len(object) == 1 {
		for name, inner := range object {
			if _, ok := inner.([]any); ok {
				body.Envelope, decoded = name, inner
			}
		}
	}
	items, isList := decoded.([]any)
	if isList {
		if len(items) == 0 {
			return Body{}, false, fmt.Errorf("parse example: %w", ErrUnknownShape)
		}
		decoded = items[0]
	}
	body.Field, err = parseItem(decoded)
	return body, isList && body.Envelope == "", err
}

func parseItem(item any) (field string, err error) {
	switch item := item.(type) {
	case string:
		return "", nil
	case map[string]any:
		for name, value := range item {
			if _, ok := value.(string); ok && len(item) == 1 && name != "" {
				return name, nil
			}
		}
	}
	return "", fmt.Errorf("parse example: %w", ErrUnknownShape)
}

func (s *Shape) body(kind bodyKind) *Body {
	if kind == createBody {
		return &s.Create
	}
	return &s.Bulk
}

// of puts values into the shape.
func (b Body) of(kind bodyKind, values []string) any {
	items := make([]any, len(values)) // never null, which may mean something else than an empty list
	for i, value := range values {
		items[i] = value
		if b.Field != "" {
			items[i] = map[string]string{b.Field: value}
		}
	}
	switch {
	case b.Envelope != "":
		return map[string]any{b.Envelope: items}
	case kind == createBody:
		return items[0]
	default:
		return items
	}
}

// candidates are the shapes that may be right, likeliest first. The field that
// items were read with, if any, comes before the other names.
func candidates(kind bodyKind, seen *string) []Body {
	fields := knownFields()
	if seen != nil && *seen != "" {
		fields = append([]string{*seen}, slices.DeleteFunc(fields, func(f string) bool { return f == *seen })...)
	}
	var bodies []Body
	if kind == createBody {
		for _, field := range fields {
			bodies = append(bodies, Body{Field: field})
		}
		if seen != nil && *seen == "" {
			return append([]Body{{}}, bodies...)
		}
		return append(bodies, Body{})
	}
	bodies = []Body{{}, {Field: fields[0]}, {Envelope: "values"}, {Envelope: "values", Field: fields[0]}}
	for _, field := range fields[1:] {
		bodies = append(bodies, Body{Field: field}, Body{Envelope: "values", Field: field})
	}
	return bodies
}
