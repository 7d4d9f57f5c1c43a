package connect

import (
	"encoding/json"
	"fmt"
)

// MaxPayload is the longest body that is read, in bytes. It is Bitbucket's limit for
// webhooks.
const MaxPayload = 256 << 10

// members are the members of an object in a payload, not decoded.
type members struct {
	prefix string // stands before the members' names in errors
	values map[string]json.RawMessage
}

// parseMembers reads an object of a payload. Errors call it name.
func parseMembers(name, prefix string, data []byte) (members, error) {
	found := members{prefix: prefix, values: map[string]json.RawMessage{}}
	err := eachMember(data, func(name string, value json.RawMessage) error {
		found.values[name] = value
		return nil
	})
	if err != nil {
		return members{}, fmt.Errorf("%w: %s is %w", ErrInvalidPayload, name, err)
	}
	return found, nil
}

// parseBody reads the object that a request's body has to be.
func parseBody(body []byte) (members, error) {
	if len(body) > MaxPayload {
		return members{}, fmt.Errorf("%w: longer than %d bytes", ErrInvalidPayload, MaxPayload)
	}
	return parseMembers("body", "", body)
}

// required returns a string that must be there and not be empty.
func (m members) required(name string) (string, error) {
	value, err := m.optional(name)
	if err == nil && value == "" {
		return "", fmt.Errorf("%w: %s%s is missing", ErrInvalidPayload, m.prefix, name)
	}
	return value, err
}

// optional returns a string that may be missing or null.
func (m members) optional(name string) (string, error) {
	raw, found := m.values[name]
	if !found || string(raw) == "null" {
		return "", nil
	}
	value, ok := stringValue(raw)
	if !ok {
		return "", fmt.Errorf("%w: %s%s is not a string", ErrInvalidPayload, m.prefix, name)
	}
	return value, nil
}
