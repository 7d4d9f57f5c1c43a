// Package attribute holds DynamoDB's attribute values: their JSON form, their
// numbers of 38 digits, equality, order and size.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
package attribute

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/simulator/aws/wire"
)

// Type is the name of a type on the wire.
type Type string

// The types.
const (
	String    Type = "S"
	Number    Type = "N"
	Binary    Type = "B"
	Bool      Type = "BOOL"
	Null      Type = "NULL"
	List      Type = "L"
	Map       Type = "M"
	StringSet Type = "SS"
	NumberSet Type = "NS"
	BinarySet Type = "BS"
)

// Value is an attribute value; which field counts depends on Type.
type Value struct {
	Type Type
	// Text is the content of strings, of numbers in canonical form, and of binary
	// values as raw bytes.
	Text string
	Bool bool
	List []Value
	Map  Item
	// Set is the content of sets, each element as in Text, sorted.
	Set []string
}

// Item is an item, or the content of a map.
type Item map[string]Value

// UnmarshalJSON reads {"S": "text"} and the like, with exactly one type.
func (v *Value) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return wire.Refuse("SerializationException", "an attribute value is not an object: %v", err)
	}
	if len(members) != 1 {
		return wire.Refuse("ValidationException", "Supplied AttributeValue has %d datatypes set, must contain exactly one of the supported datatypes", len(members))
	}
	for name, content := range members {
		v.Type = Type(name)
		return v.read(content)
	}
	return nil
}

// read decodes the content of a value whose type is known.
func (v *Value) read(content []byte) error {
	var err error
	switch v.Type {
	case String:
		err = json.Unmarshal(content, &v.Text)
	case Number:
		if err = json.Unmarshal(content, &v.Text); err == nil {
			v.Text, err = canonical(v.Text)
		}
	case Binary:
		var raw []byte
		err = json.Unmarshal(content, &raw)
		v.Text = string(raw)
	case Bool:
		err = json.Unmarshal(content, &v.Bool)
	case Null:
		var isNull bool
		if err = json.Unmarshal(content, &isNull); err == nil && !isNull {
			return wire.Refuse("ValidationException", "One or more parameter values were invalid: Null attribute value types must have the value of true")
		}
	case List:
		err = json.Unmarshal(content, &v.List)
	case Map:
		err = json.Unmarshal(content, &v.Map)
	case StringSet, NumberSet, BinarySet:
		return v.readSet(content)
	default:
		return wire.Refuse("SerializationException", "%q is no type of an attribute value", v.Type)
	}
	return err
}

func (v *Value) readSet(content []byte) error {
	var elements []string
	if err := json.Unmarshal(content, &elements); err != nil {
		return err
	}
	for i, element := range elements {
		var err error
		switch v.Type {
		case NumberSet:
			elements[i], err = canonical(element)
		case BinarySet:
			var raw []byte
			raw, err = base64.StdEncoding.DecodeString(element)
			elements[i] = string(raw)
		}
		if err != nil {
			return err
		}
	}
	slices.Sort(elements)
	if len(elements) == 0 {
		return wire.Refuse("ValidationException", "One or more parameter values were invalid: An set may not be empty")
	}
	if len(slices.Compact(slices.Clone(elements))) != len(elements) {
		return wire.Refuse("ValidationException", "One or more parameter values were invalid: Input collection contains duplicates.")
	}
	v.Set = elements
	return nil
}

// MarshalJSON is the reverse of UnmarshalJSON.
func (v Value) MarshalJSON() ([]byte, error) {
	var content any
	switch v.Type {
	case Binary:
		content = []byte(v.Text)
	case Bool:
		content = v.Bool
	case Null:
		content = true
	case List:
		content = append([]Value{}, v.List...) // never null
	case Map:
		content = v.Map
	case StringSet, NumberSet:
		content = v.Set
	case BinarySet:
		raw := make([][]byte, len(v.Set))
		for i, element := range v.Set {
			raw[i] = []byte(element)
		}
		content = raw
	default:
		content = v.Text
	}
	return json.Marshal(map[Type]any{v.Type: content})
}

// Equal tells whether two values are the same. The order of a set doesn't matter,
// and 1.0 equals 1.
func (v Value) Equal(other Value) bool {
	return v.Type == other.Type && v.Text == other.Text && v.Bool == other.Bool && slices.Equal(v.Set, other.Set) &&
		slices.EqualFunc(v.List, other.List, Value.Equal) && maps.EqualFunc(v.Map, other.Map, Value.Equal)
}

// Ordered tells whether values of the type can be compared by less and greater.
func (t Type) Ordered() bool { return t == String || t == Number || t == Binary }

// Compare orders two values of the same ordered type; strings and binary values
// are in order of their bytes.
func (v Value) Compare(other Value) int {
	if v.Type == Number {
		return rational(v.Text).Cmp(rational(other.Text))
	}
	return bytes.Compare([]byte(v.Text), []byte(other.Text))
}

// HasPrefix serves begins_with, for strings and binary values.
func (v Value) HasPrefix(prefix Value) bool {
	return v.Type == prefix.Type && v.Type != Number && strings.HasPrefix(v.Text, prefix.Text)
}

// Clone returns a copy whose members can be set without changing the item. Lists
// are shared: no expression changes one in place.
func (i Item) Clone() Item {
	if i == nil {
		return nil
	}
	clone := make(Item, len(i))
	for name, value := range i {
		value.Map = value.Map.Clone()
		clone[name] = value
	}
	return clone
}

// Size is what counts against the limit of 400 KB for an item, in bytes.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func (i Item) Size() int {
	size := 0
	for name, value := range i {
		size += len(name) + value.size()
	}
	return size
}

func (v Value) size() int {
	size := len(v.Text)
	switch v.Type {
	case Number:
		return numberSize(v.Text)
	case Bool, Null:
		return 1
	case List:
		size = 3
		for _, element := range v.List {
			size += 1 + element.size()
		}
	case Map:
		size = 3 + len(v.Map) + v.Map.Size()
	case StringSet, BinarySet:
		size = len(strings.Join(v.Set, ""))
	case NumberSet:
		for _, element := range v.Set {
			size += numberSize(element)
		}
	}
	return size
}
