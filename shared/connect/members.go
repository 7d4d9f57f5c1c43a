package connect

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"unicode/utf8"
)

// maxMembers bounds the work of looking for duplicate names. A token has about six
// claims, a lifecycle payload about a dozen members.
const maxMembers = 64

// errNotStrict quotes nothing, because the data comes from outside.
var errNotStrict = errors.New("not a JSON object with unique member names")

// eachMember calls visit for the members of the JSON object data, in their order. value
// shares memory with data.
//
// encoding/json checks the syntax. But it says nothing of duplicate names, of which
// another reader may take the first and not the last, and it takes names that differ in
// case only for the same. So the names are read here. (json.Decoder's tokens would show
// them too, at four times the cost of a whole verification.)
func eachMember(data []byte, visit func(name string, value json.RawMessage) error) error {
	rest, isObject := bytes.CutPrefix(bytes.TrimLeft(data, jsonSpace), []byte("{"))
	if !isObject || !utf8.Valid(data) || !json.Valid(data) {
		return errNotStrict
	}
	var buffer [16]string
	for seen := buffer[:0]; ; {
		rest = bytes.TrimLeft(rest, jsonSpace+",")
		end := stringEnd(rest)
		name, isName := stringValue(rest[:end])
		if !isName { // the closing brace
			return nil
		}
		if len(seen) == maxMembers || slices.Contains(seen, name) {
			return errNotStrict
		}
		seen = append(seen, name)
		rest = bytes.TrimLeft(rest[end:], jsonSpace+":")
		end = valueEnd(rest)
		if err := visit(name, rest[:end]); err != nil {
			return err
		}
		rest = rest[end:]
	}
}

const jsonSpace = " \t\r\n"

// stringEnd returns the length of the string that data, valid JSON, starts with.
func stringEnd(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// valueEnd returns the length of the value that data, valid JSON, starts with.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += stringEnd(data[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(data)
}

// stringValue returns the string that raw, valid JSON, stands for. ok is false for
// another value.
func stringValue(raw json.RawMessage) (value string, ok bool) {
	switch {
	case len(raw) < 2 || raw[0] != '"':
		return "", false
	case bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1]), true // nothing to decode
	}
	return value, json.Unmarshal(raw, &value) == nil
}
