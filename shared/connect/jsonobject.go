package connect

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// maxMembers bounds the work of looking for duplicate names. A token has about
// six claims, a lifecycle payload about a dozen members.
const maxMembers = 64

// errNotStrict is constant, because what it would quote comes from outside.
var errNotStrict = errors.New("not a JSON object with unique member names")

// eachMember calls visit for the members of the JSON object data, in their order.
// name and value share memory with data; value is raw.
//
// It exists because encoding/json accepts what two readers read differently:
// duplicate names, names that differ in case only, and invalid UTF-8. It checks
// the object itself and not what is inside of its values, so it never stands
// alone: before or after it, encoding/json reads the same bytes.
func eachMember(data []byte, visit func(name, value []byte) error) error {
	if !utf8.Valid(data) {
		return errNotStrict
	}
	rest, found := cut(data, '{')
	if !found {
		return errNotStrict
	}
	if end, empty := cut(rest, '}'); empty {
		return nothingElse(end)
	}
	var buffer [16][]byte
	for seen := buffer[:0]; ; {
		name, value, after := nextMember(rest)
		if value == nil || len(seen) == maxMembers || contains(seen, name) {
			return errNotStrict
		}
		seen = append(seen, name)
		if err := visit(name, value); err != nil {
			return err
		}
		if end, last := cut(after, '}'); last {
			return nothingElse(end)
		}
		if rest, found = cut(after, ','); !found {
			return errNotStrict
		}
	}
}

// nextMember takes the member off that data starts with; value is nil if there is
// none.
func nextMember(data []byte) (name, value, rest []byte) {
	data = bytes.TrimLeft(data, jsonSpace)
	end := stringEnd(data)
	name, ok := unquote(data[:end])
	if !ok {
		return nil, nil, nil
	}
	rest, ok = cut(data[end:], ':')
	if !ok {
		return nil, nil, nil
	}
	rest = bytes.TrimLeft(rest, jsonSpace)
	end = valueEnd(rest)
	if end == 0 {
		return nil, nil, nil
	}
	return name, rest[:end], rest[end:]
}

const jsonSpace = " \t\r\n"

// cut takes c and the space before it off the front of data.
func cut(data []byte, c byte) (rest []byte, found bool) {
	data = bytes.TrimLeft(data, jsonSpace)
	if len(data) == 0 || data[0] != c {
		return nil, false
	}
	return data[1:], true
}

func nothingElse(data []byte) error {
	if len(bytes.TrimLeft(data, jsonSpace)) > 0 {
		return errNotStrict
	}
	return nil
}

// stringEnd returns the index behind the string that data starts with; 0 if it
// does not start with one.
func stringEnd(data []byte) int {
	if len(data) == 0 || data[0] != '"' {
		return 0
	}
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// valueEnd returns the index behind the value that data starts with; 0 if it does
// not start with one.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			length := stringEnd(data[i:])
			if length == 0 {
				return 0
			}
			i += length - 1
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
	return 0
}

// unquote returns what the JSON string raw stands for, without copying it if
// nothing in it is escaped.
func unquote(raw []byte) (value []byte, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	var decoded string
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return nil, false
	}
	return []byte(decoded), true
}

// stringValue returns the string that raw stands for; ok is false when it is
// another value.
func stringValue(raw []byte) (value string, ok bool) {
	decoded, ok := unquote(raw)
	return string(decoded), ok
}

func contains(names [][]byte, name []byte) bool {
	for _, other := range names {
		if bytes.Equal(other, name) {
			return true
		}
	}
	return false
}
