package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// decode reads an operation's input, and refuses what it has no member for.
// encoding/json alone would take "name" for "Name".
func decode(body []byte, in any) error {
	if !utf8.Valid(body) {
		return Refuse("SerializationException", "the body is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	var value any
	if err := decoder.Decode(&value); err != nil {
		return Refuse("SerializationException", "the body is no JSON: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Refuse("SerializationException", "something follows the JSON in the body")
	}
	if _, ok := value.(map[string]any); !ok {
		return Refuse("SerializationException", "the body is no JSON object")
	}
	if err := knows(reflect.TypeOf(in), value, ""); err != nil {
		return err
	}
	if err := json.Unmarshal(body, in); err != nil {
		var refusal *Error // of an UnmarshalJSON
		if errors.As(err, &refusal) {
			return refusal
		}
		return Refuse("SerializationException", "%v", err)
	}
	return nil
}

// knows refuses members of value that t doesn't have, at any depth. Types that
// decode themselves also check themselves.
func knows(t reflect.Type, value any, path string) error {
	if t.Implements(reflect.TypeFor[json.Unmarshaler]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return knows(t.Elem(), value, path)
	case reflect.Struct:
		return knowsMembers(t, value, path)
	case reflect.Slice:
		list, _ := value.([]any)
		for _, element := range list {
			if err := knows(t.Elem(), element, path+"[]"); err != nil {
				return err
			}
		}
	case reflect.Map:
		object, _ := value.(map[string]any)
		for name, element := range object {
			if err := knows(t.Elem(), element, path+"."+name); err != nil {
				return err
			}
		}
	default: // a scalar: encoding/json checks its type
	}
	return nil
}

func knowsMembers(t reflect.Type, value any, path string) error {
	object, _ := value.(map[string]any)
	members := make(map[string]reflect.Type, t.NumField())
	for _, field := range reflect.VisibleFields(t) {
		if field.Anonymous {
			continue // its fields are visible themselves
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		members[name] = field.Type
	}
	for name, element := range object {
		member, ok := members[name]
		if !ok {
			return Missing("member", strings.TrimPrefix(path+"."+name, "."))
		}
		if err := knows(member, element, path+"."+name); err != nil {
			return err
		}
	}
	return nil
}
