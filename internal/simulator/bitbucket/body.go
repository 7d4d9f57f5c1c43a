package bitbucket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// maxBody bounds every request body; 1 MiB holds a bulk PUT of more than 50,000 values.
const maxBody = 1 << 20

// readJSON reads a body that must be there and be JSON, whole and of the right type.
func readJSON(r *http.Request) (json.RawMessage, *refusal) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, invalid("the Content-Type must be application/json")
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, message: "Request body too large"}
	}
	if err != nil {
		return nil, invalid("the body could not be read")
	}
	if !json.Valid(body) {
		return nil, invalid("the body is not JSON")
	}
	return body, nil
}

// parse reads the one value of a POST's body.
func (s ItemShape) parse(body json.RawMessage) (string, error) {
	if s == ItemString {
		var value string
		if err := json.Unmarshal(body, &value); err != nil {
			return "", errors.New("the body is not a string")
		}
		return value, nil
	}
	fields, err := object(body, s.field())
	if err != nil {
		return "", err
	}
	return ItemString.parse(fields)
}

// parse reads all the values of a bulk PUT's body.
func (b BulkShape) parse(body json.RawMessage, item ItemShape) ([]string, error) {
	if b == BulkWrappedStrings || b == BulkWrappedObjects {
		inner, err := object(body, "values")
		if err != nil {
			return nil, err
		}
		body = inner
	}
	if b == BulkStrings || b == BulkWrappedStrings {
		var values []string // a null in it becomes "", which no linker takes
		if err := json.Unmarshal(body, &values); err != nil || values == nil {
			return nil, errors.New("the body is not a list of strings")
		}
		return values, nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil || elements == nil {
		return nil, errors.New("the body is not a list")
	}
	values := make([]string, len(elements))
	for i, element := range elements {
		value, err := item.parse(element)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		values[i] = value
	}
	return values, nil
}

// object returns the content of the only field that an object may have.
func object(body json.RawMessage, field string) (json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil, fmt.Errorf("not an object with the field %q", field)
	}
	var content json.RawMessage
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		// A field twice would be as ambiguous as one that isn't known.
		if name != field || content != nil {
			return nil, fmt.Errorf("field %q where only one %q is expected", name, field)
		}
		if err := decoder.Decode(&content); err != nil {
			return nil, err
		}
	}
	if content == nil {
		return nil, fmt.Errorf("field %q is missing", field)
	}
	return content, nil
}
