package manifest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestSchemaAndParser holds both to the same documents, because an editor that
// shows no error promises that the command won't either.
func TestSchemaAndParser(t *testing.T) {
	t.Parallel()
	compiled := compileSchema(t)
	for _, document := range documents() {
		t.Run(document.name, func(t *testing.T) {
			t.Parallel()
			_, err := manifest.Parse("m.yaml", []byte(document.text), oneValue)
			if diff := cmp.Diff(document.problems, problemLines(err)); diff != "" {
				t.Errorf("parser's problems (-want +got):\n%s", diff)
			}
			if document.noYAML {
				return
			}
			err = compiled.Validate(decode(t, []byte(document.text)))
			if (err == nil) != document.schemaAccepts {
				t.Errorf("schema accepts: %t, want %t (%v)", err == nil, document.schemaAccepts, err)
			}
		})
	}
}

// TestExamplesAreValid reads every example with both.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	compiled := compileSchema(t)
	for _, example := range examples {
		data, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(decode(t, data)); err != nil {
			t.Errorf("%s: schema refuses it: %v", example, err)
		}
		if _, err := manifest.Load(example); err != nil {
			t.Errorf("parser refuses it: %v", err)
		}
	}
}

func compileSchema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	published, err := os.ReadFile("linkersync.schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		tb.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("linkersync.schema.json", document); err != nil {
		tb.Fatal(err)
	}
	compiled, err := compiler.Compile("linkersync.schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	return compiled
}

// decode reads YAML as an editor does that validates it by the schema.
func decode(tb testing.TB, data []byte) any {
	tb.Helper()
	var document any
	if err := yaml.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &document); err != nil {
		tb.Fatal(err)
	}
	return document
}

func ignorePositions() cmp.Option {
	return cmp.Options{
		cmpopts.IgnoreFields(manifest.Linker{}, "Position"),
		cmpopts.IgnoreFields(manifest.Connection{}, "Position"),
		cmpopts.EquateEmpty(),
	}
}
