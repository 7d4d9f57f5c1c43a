// Package attribute holds DynamoDB's attribute values: their JSON form, their
// numbers of 38 digits, order and size. It has text and numbers, which is all that
// linkersync stores; any other type is refused as not simulated.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
package attribute

import (
	"encoding/json"
	"strings"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// Type is the name of a type on the wire.
type Type string

// The types.
const (
	String Type = "S"
	Number Type = "N"
)

// Value is an attribute value. Two are the same when they are equal by ==, since a
// number has one form only.
type Value struct {
	Type Type
	// Text is the content: of a number in canonical form.
	Text string
}

// Item is an item, by the names of its attributes.
type Item map[string]Value

// UnmarshalJSON reads {"S": "text"} or {"N": "1"}.
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
		if v.Type != String && v.Type != Number {
			return wire.Missing("attribute type", name)
		}
		if err := json.Unmarshal(content, &v.Text); err != nil {
			return err
		}
	}
	if v.Type == String {
		return nil
	}
	var err error
	v.Text, err = canonical(v.Text)
	return err
}

// MarshalJSON is the reverse of UnmarshalJSON.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(map[Type]string{v.Type: v.Text}) }

// Compare orders two values of the same type; strings are in order of their bytes.
func (v Value) Compare(other Value) int {
	if v.Type == Number {
		return rational(v.Text).Cmp(rational(other.Text))
	}
	return strings.Compare(v.Text, other.Text)
}

// Size is what counts against the limit of 400 KB for an item, in bytes.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func (i Item) Size() int {
	size := 0
	for name, value := range i {
		size += len(name) + len(value.Text)
		if value.Type == Number {
			size += numberSize(value.Text) - len(value.Text)
		}
	}
	return size
}
