package bitbucket

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// decodeLinker reads a linker: an object with its key, or the key alone.
func decodeLinker(raw json.RawMessage) (Linker, error) {
	var key string
	if json.Unmarshal(raw, &key) == nil && key != "" {
		return Linker{Key: key}, nil
	}
	var linker Linker
	if json.Unmarshal(raw, &linker) != nil || linker.Key == "" {
		return Linker{}, fmt.Errorf("read linker: %w", ErrUnknownShape)
	}
	return linker, nil
}

// knownFields may carry an item's value, likeliest first.
func knownFields() []string { return []string{"value", "key", "name"} }

// decodeValue reads a linker value: a string, or an object with the value under
// a field that it remembers for writing. An ID may be missing.
func (c *Codec) decodeValue(raw json.RawMessage) (LinkerValue, error) {
	if value, ok := c.decodeUsual(raw); ok {
		return value, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		c.observe("")
		return LinkerValue{Value: text}, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return LinkerValue{}, fmt.Errorf("read linker value: neither a string nor an object: %w", ErrUnknownShape)
	}
	id, err := decodeID(object["id"])
	if err != nil {
		return LinkerValue{}, err
	}
	field, text := c.findValue(object)
	if text == "" {
		return LinkerValue{}, fmt.Errorf("read linker value: no value among the fields %s: %w", fieldNames(object), ErrUnknownShape)
	}
	c.observe(field)
	return LinkerValue{ID: id, Value: text}, nil
}

// decodeUsual reads the likeliest shape, {"id": 7, "value": "BB"}, at a fraction of
// the cost of looking at an object of any shape. A fleet reads millions of these.
func (c *Codec) decodeUsual(raw json.RawMessage) (value LinkerValue, ok bool) {
	if c.Shape != nil || len(raw) == 0 || raw[0] != '{' {
		return LinkerValue{}, false
	}
	if json.Unmarshal(raw, &value) != nil || value.ID <= 0 || value.Value == "" {
		return LinkerValue{}, false
	}
	c.observe("value")
	return value, true
}

// findValue looks under the pinned or known names, then takes the only other text.
func (c *Codec) findValue(object map[string]json.RawMessage) (field, text string) {
	for _, field := range c.fields() {
		if json.Unmarshal(object[field], &text) == nil && text != "" {
			return field, text
		}
	}
	var found []string
	for name, raw := range object {
		var other string // a new one, as null leaves it alone
		if json.Unmarshal(raw, &other) == nil && other != "" && !isMetadata(name) {
			found, text = append(found, name), other
		}
	}
	if len(found) != 1 {
		return "", ""
	}
	return found[0], text
}

// isMetadata names the texts that any object of the API may have.
func isMetadata(field string) bool {
	switch field {
	case "id", "type", "uuid", "links", "created_on", "updated_on":
		return true
	default:
		return false
	}
}

// decodeID accepts 7 and "7"; zero means that there is none.
func decodeID(raw json.RawMessage) (int64, error) {
	text := strings.Trim(string(raw), `"`)
	if text == "" || text == "null" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("read linker value: the id isn't a positive number: %w", ErrUnknownShape)
	}
	return id, nil
}

func fieldNames(object map[string]json.RawMessage) string {
	return printable(fmt.Sprintf("%q", slices.Sorted(maps.Keys(object))), nil)
}
