package manifest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// verdict is what the schema and the parser say about a manifest.
func verdict(t *testing.T, schema *jsonschema.Schema, text string) string {
	t.Helper()
	said := accepted
	if document, err := decode([]byte(text)); err != nil {
		said = "The schema can't read it.\n"
	} else if schema.Validate(document) != nil {
		said = refused
	}
	if _, err := manifest.Parse("m.yaml", []byte(text), oneValue); err != nil {
		said += err.Error() + "\n"
	}
	return said
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
		document, err := decode(data)
		if err == nil {
			err = compiled.Validate(document)
		}
		if err != nil {
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

// decode reads YAML as an editor does that validates it by the schema: by YAML 1.2,
// where a day is text.
func decode(data []byte) (any, error) {
	var root yaml.Node
	if err := yaml.Load(bytes.TrimPrefix(data, []byte("\ufeff")), &root); err != nil {
		return nil, err
	}
	var document any
	days(&root)
	err := root.Decode(&document)
	return document, err
}

func days(node *yaml.Node) {
	if node.Tag == "!!timestamp" {
		node.Tag = "!!str"
	}
	for _, child := range node.Content {
		days(child)
	}
}

func ignorePositions() cmp.Option {
	return cmp.Options{
		cmpopts.IgnoreFields(manifest.Linker{}, "Position"),
		cmpopts.IgnoreFields(manifest.Connection{}, "Position"),
		cmpopts.IgnoreFields(manifest.Sync{}, "Position"),
		cmpopts.EquateEmpty(),
	}
}
