package manifest_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/manifest"
)

func TestEncodeWritesWhatAPersonWould(t *testing.T) {
	t.Parallel()
	got, err := manifest.Encode(manifest.Manifest{
		App: "com.example.app",
		Linkers: []manifest.Linker{
			{Key: "issues", Prune: true, Values: []string{"PROJ", "my-app_2", "2024", "NO", "true", "e5", "A1", "Z1", "a1", "z1", "1e5", "-", "---", "Null", "0x1f", "_a", "false", "Yes", "On", "OFF", "y", "n"}},
			{Key: "builds"},
		},
		Connections: []manifest.Connection{
			{Name: "n-1", ProjectID: "007", Description: `say "hi": #1 & <é>`, Email: "a@b.de", Token: manifest.Reference{Scheme: "env", Target: "T"}, Adopt: true},
			{Name: "null", Email: "c@d.de", Token: manifest.Reference{Scheme: "aws-secret", Target: "x", Key: "k"}},
		},
		Path: "anywhere.yaml",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `version: 1
app: "com.example.app"
linkers:
  - key: issues
    prune: true
    values:
      - PROJ
      - my-app_2
      - "2024"
      - "NO"
      - "true"
      - e5
      - A1
      - Z1
      - a1
      - z1
      - "1e5"
      - "-"
      - "---"
      - "Null"
      - "0x1f"
      - "_a"
      - "false"
      - "Yes"
      - "On"
      - "OFF"
      - "y"
      - "n"
  - key: builds
    values: []
connections:
  - name: n-1
    project_id: "007"
    description: "say \"hi\": #1 & <é>"
    email: "a@b.de"
    token: "env:T"
    adopt: true
  - name: "null"
    email: "c@d.de"
    token: "aws-secret:x#k"
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

func TestEncodeSurvivesParse(t *testing.T) {
	t.Parallel()
	for _, document := range documents() {
		if document.problems != accepted {
			continue
		}
		t.Run(document.name, func(t *testing.T) {
			t.Parallel()
			want, err := manifest.Parse("m.yaml", []byte(document.text), oneValue)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := manifest.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := manifest.Parse("m.yaml", encoded, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, ignorePositions()); diff != "" {
				t.Errorf("manifest (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEncodeRefusesWhatParseWould: values that Bitbucket returned may be older
// than the rule for them.
func TestEncodeRefusesWhatParseWould(t *testing.T) {
	t.Parallel()
	tests := map[string]manifest.Manifest{
		"a value with a space":          {Linkers: []manifest.Linker{{Key: "k", Values: []string{"a b"}}}},
		"a value of several lines":      {Linkers: []manifest.Linker{{Key: "k", Values: []string{"a\n- b"}}}},
		"a linker without a key":        {Linkers: []manifest.Linker{{Values: []string{"a"}}}},
		"a linker twice":                {Linkers: []manifest.Linker{{Key: "k"}, {Key: "k"}}},
		"a connection without anything": {Connections: []manifest.Connection{{}}},
		"an app key with a colon":       {App: "a: b"},
	}
	for name, m := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.Encode(m)
			var problems manifest.Problems
			if !errors.As(err, &problems) || got != nil {
				t.Errorf("Encode returned %q and %v, want Problems alone", got, err)
			}
		})
	}
}
