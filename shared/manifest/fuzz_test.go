package manifest_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/parts"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// FuzzParse holds the parser to what must be true of any input: it ends, each
// problem has a place inside the file, and what it accepts survives Encode and the
// schema.
func FuzzParse(f *testing.F) {
	for _, document := range documents() {
		f.Add([]byte(document.text), []byte{})
	}
	for plan := range parts.Plans(5, 3) {
		f.Add([]byte("version: 1"), plan)
	}
	example, err := os.ReadFile("../../examples/linkersync.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example, []byte{})
	for _, deep := range []string{"[", "{a: ", "- ", "? ", "&a ", "!a "} {
		f.Add([]byte(strings.Repeat(deep, 500)), []byte{})
	}
	compiled := compileSchema(f)

	f.Fuzz(func(t *testing.T, data, plan []byte) {
		if len(plan) > 0 {
			data = []byte(parts.Join(plan, string(data), "\n", ": ", "- ", "  ", "#", "\r", "\ufeff", `"`, "'", "[", "]", "{", "}", ",", "&a ", "*a",
				"|", "version: 1", "app: a", "linkers:", "key: k", "values: [A]", "values_file: f", "---", "...", "\t", "\xff", "\x00", "\u2028"))
		}
		got, err := manifest.Parse("fuzz.yaml", data, oneValue)
		if err != nil {
			checkProblems(t, data, err)
			return
		}
		encoded, err := manifest.Encode(got)
		if err != nil {
			t.Fatalf("Encode refuses what Parse accepted: %v", err)
		}
		if err := validate(compiled, encoded); err != nil {
			t.Errorf("the schema refuses what Parse accepted and Encode wrote: %v", err)
		}
		again, err := manifest.Parse("fuzz.yaml", encoded, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, again, ignorePositions()); diff != "" {
			t.Errorf("Encode changes the manifest (-parsed +encoded):\n%s", diff)
		}
	})
}

func validate(schema *jsonschema.Schema, data []byte) error {
	document, err := decode(data)
	if err != nil {
		return err
	}
	return schema.Validate(document)
}

// oneValue is every values file there is.
func oneValue(string) ([]byte, error) { return []byte("FROM-FILE\n"), nil }

func checkProblems(t *testing.T, data []byte, err error) {
	t.Helper()
	var problems manifest.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("error is %T, want Problems: %v", err, err)
	}
	lines := 1
	for _, lineBreak := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} { // as in YAML 1.1
		lines += strings.Count(string(data), lineBreak)
	}
	for _, problem := range problems {
		if problem.Message == "" || problem.Line < 0 || problem.File == "fuzz.yaml" && problem.Line > lines {
			t.Errorf("problem is not in the file of %d lines: %+v", lines, problem)
		}
		if strings.ContainsAny(problem.String(), "\n\t\x1b\x00") {
			t.Errorf("problem has a control character: %q", problem.String())
		}
	}
}
