// Package schema holds documents to the published JSON schemas, in tests.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Compile reads the schema in a file.
func Compile(path string) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	return compiler.Compile(path)
}

// CheckAll checks every JSON value of a text, and counts them.
func CheckAll(schema *jsonschema.Schema, text []byte) (count int, err error) {
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; count++ {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err == io.EOF {
			return count, nil
		} else if err != nil {
			return count, err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			return count, fmt.Errorf("%w\n%s", err, raw)
		}
	}
}
