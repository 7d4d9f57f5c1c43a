package manifest_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/manifest"
)

func TestProblemPrintsAsEditorsLinkIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		problem manifest.Problem
		want    string
	}{
		"with a place":   {manifest.Problem{File: "a/m.yaml", Position: manifest.Position{Line: 3, Column: 7}, Path: "app", Message: "is wrong"}, "a/m.yaml:3:7: is wrong"},
		"the whole file": {manifest.Problem{File: "m.yaml", Message: "is missing"}, "m.yaml: is missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.problem.String(); got != test.want {
				t.Errorf("String() = %q, want %q", got, test.want)
			}
		})
	}
}

func TestProblemEncodesForMachines(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(manifest.Problem{File: "m.yaml", Position: manifest.Position{Line: 3, Column: 7}, Path: "app", Message: "is wrong"})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"file":"m.yaml","line":3,"column":7,"path":"app","message":"is wrong"}`; string(got) != want {
		t.Errorf("JSON = %s, want %s", got, want)
	}
}

func TestProblemsAreBoundedPerFile(t *testing.T) {
	t.Parallel()
	values := strings.Repeat("a b\n", 1000)
	text := "version: 1\nbad: 1\nlinkers:\n  - {key: k, values_file: v.txt}\n"
	_, err := manifest.Parse("m.yaml", []byte(text), func(string) ([]byte, error) { return []byte(values), nil })
	lines := problemLines(err)
	if want := 1 + manifest.MaxProblems + 1; len(lines) != want {
		t.Fatalf("%d lines, want %d", len(lines), want)
	}
	if !strings.HasPrefix(lines[0], "m.yaml:2:1: ") {
		t.Errorf("the manifest's problem is not first: %s", lines[0])
	}
	if got, want := lines[len(lines)-1], "v.txt: and 900 more problems in this file"; got != want {
		t.Errorf("last line = %q, want %q", got, want)
	}
}

func TestProblemsAreInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	// Connections are read after linkers, whatever the order in the file.
	text := "connections: 1\nlinkers: 2\nversion: x\n"
	_, err := manifest.Parse("m.yaml", []byte(text), nil)
	want := []string{
		"m.yaml:1:14: connections must be a list, not a number; write [] for an empty one",
		"m.yaml:2:10: linkers must be a list, not a number; write [] for an empty one",
		"m.yaml:3:10: version must be the number 1, not text",
	}
	if diff := cmp.Diff(want, problemLines(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	var problems manifest.Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Errorf("errors.As found %d problems, want 3", len(problems))
	}
}
