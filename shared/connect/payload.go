package connect

import (
	"encoding/json"
	"fmt"
)

// MaxPayload is the longest body that is read, in bytes: what Bitbucket's webhooks
// are limited to.
const MaxPayload = 256 << 10

// members are the members of an object in a payload, by name, not decoded.
type members map[string][]byte

// parseMembers reads an object of a payload; object names it in the error.
func parseMembers(object string, data []byte) (members, error) {
	found := members{}
	err := errNotStrict
	if json.Valid(data) {
		err = eachMember(data, func(name, value []byte) error {
			found[string(name)] = value
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s is %w", ErrInvalidPayload, object, err)
	}
	return found, nil
}

// required returns a string that must be there and not be empty.
func (m members) required(name string) (string, error) {
	value, err := m.optional(name)
	if err == nil && value == "" {
		return "", fmt.Errorf("%w: %s is missing", ErrInvalidPayload, name)
	}
	return value, err
}

// optional returns a string that may be missing or null.
func (m members) optional(name string) (string, error) {
	raw, found := m[name]
	if !found || string(raw) == "null" {
		return "", nil
	}
	value, ok := stringValue(raw)
	if !ok {
		return "", fmt.Errorf("%w: %s is not a string", ErrInvalidPayload, name)
	}
	return value, nil
}
