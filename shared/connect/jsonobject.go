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

// eachMember calls visit for the members of the JSON object data, in their order;
// value is raw and must not be kept. It exists because encoding/json accepts what
// two parsers read differently: duplicate names, names that differ in case only,
// and invalid UTF-8. Nested objects are visited by calling it again.
func eachMember(data []byte, visit func(name string, value []byte) error) error {
	if !utf8.Valid(data) || !json.Valid(data) {
		return errNotStrict
	}
	// From here on the syntax is known to be right.
	rest := bytes.TrimLeft(data, jsonSpace)
	if rest[0] != '{' {
		return errNotStrict
	}
	var buffer [16]string
	seen := buffer[:0]
	for rest = skipTo(rest[1:], '"'); rest != nil; rest = skipTo(rest, '"') {
		end := stringEnd(rest)
		name, _ := stringValue(rest[:end])
		for _, other := range seen {
			if other == name {
				return errNotStrict
			}
		}
		if len(seen) == maxMembers {
			return errNotStrict
		}
		seen = append(seen, name)

		rest = bytes.TrimLeft(skipTo(rest[end:], ':')[1:], jsonSpace)
		end = valueEnd(rest)
		if err := visit(name, rest[:end]); err != nil {
			return err
		}
		rest = rest[end:]
	}
	return nil
}

const jsonSpace = " \t\r\n"

// skipTo returns data from the first c on, or nil if the object ends before it.
// It is called only where nothing but space and punctuation can come before c.
func skipTo(data []byte, c byte) []byte {
	for i, b := range data {
		if b == c {
			return data[i:]
		}
		if b == '}' {
			return nil
		}
	}
	return nil
}

// stringEnd returns the index behind the string that data starts with.
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

// valueEnd returns the index behind the value that data starts with.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += stringEnd(data[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth < 0 {
				return i
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(data)
}

// stringValue returns the string that the valid JSON value raw stands for; ok is
// false when raw is something else.
func stringValue(raw []byte) (value string, ok bool) {
	if raw[0] != '"' {
		return "", false
	}
	if !bytes.ContainsRune(raw, '\\') {
		return string(raw[1 : len(raw)-1]), true
	}
	err := json.Unmarshal(raw, &value)
	return value, err == nil
}
