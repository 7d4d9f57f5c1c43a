package installation

import (
	"bytes"
	"encoding/json"
)

// untyped returns an object as plain JSON. DynamoDB writes a type around each value,
// {"clientKey": {"S": "…"}}, and an export to S3 an Item around each row. Other objects
// are returned as they are.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
func untyped(text []byte) (plain []byte, problem string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return text, "" // parseObject says what is wrong
	}
	for _, name := range []string{"Item", "NewImage"} { // of a full and of an incremental export
		item, wrapped := members[name]
		if !wrapped || members["clientKey"] != nil {
			continue
		}
		members = nil
		if json.Unmarshal(item, &members) != nil {
			return nil, name + " is not an object"
		}
		text = item
	}
	for _, name := range []string{"clientKey", "key", "val", "client_key", "shared_secret", "sharedSecret"} {
		if value, there := members[name]; there && !isTyped(value) {
			return text, ""
		}
	}
	row, ok := untypedMembers(members)
	if !ok {
		return text, ""
	}
	plain, err := json.Marshal(row)
	if err != nil {
		return nil, "not a row of DynamoDB"
	}
	return plain, ""
}

// isTyped tells whether a value is an object with one member that is a type's name.
func isTyped(value json.RawMessage) bool {
	var typed map[string]json.RawMessage
	if json.Unmarshal(value, &typed) != nil || len(typed) != 1 {
		return false
	}
	for name := range typed {
		switch name {
		case "S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS":
			return true
		}
	}
	return false
}

// untypedMembers takes the types off a map of values, and tells whether all had one.
func untypedMembers(members map[string]json.RawMessage) (plain map[string]any, ok bool) {
	plain = make(map[string]any, len(members))
	for name, value := range members {
		if !isTyped(value) {
			return nil, false
		}
		if plain[name], ok = untypedValue(value); !ok {
			return nil, false
		}
	}
	return plain, len(members) > 0
}

func untypedValue(value json.RawMessage) (plain any, ok bool) {
	var typed struct {
		S    *string
		N    json.Number
		BOOL *bool
		M    map[string]json.RawMessage
		L    []json.RawMessage
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	if decoder.Decode(&typed) != nil {
		return nil, false
	}
	switch {
	case typed.S != nil:
		return *typed.S, true
	case typed.BOOL != nil:
		return *typed.BOOL, true
	case typed.N != "":
		return typed.N, true
	case typed.M != nil:
		return untypedMembers(typed.M)
	case typed.L != nil:
		list := make([]any, len(typed.L))
		for i, value := range typed.L {
			if list[i], ok = untypedValue(value); !ok {
				return nil, false
			}
		}
		return list, true
	}
	return nil, true // NULL, and kinds that no row of an installation has
}
