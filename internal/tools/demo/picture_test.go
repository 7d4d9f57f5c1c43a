package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPicture: only what is a value of the workspace becomes a link.
func TestPicture(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values map[string][]string
		want   string
	}{
		"values of both linkers": {map[string][]string{"issues": {"PRO", "PROJ"}, "builds": {"nightly"}}, `
  ┌─────────────────────────────┐
  │ <PROJ-12> UTF-8 <build:nightly-7> │
  └─────────────────────────────┘
    │             └─ <https://linkersync.example.com/builds/nightly-7>
    └─ <https://linkersync.example.com/browse/PROJ-12>
`},
		"no values": {nil, `
  ┌─────────────────────────────┐
  │ PROJ-12 UTF-8 build:nightly-7 │
  └─────────────────────────────┘
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const text = "PROJ-12 UTF-8 build:nightly-7"
			links, err := linksIn("../../../"+descriptor, text, test.values)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			draw(&out, text, links, func(text string) string { return "<" + text + ">" })
			want := strings.ReplaceAll(test.want, strings.Repeat("─", 29), strings.Repeat("─", 31))
			if diff := cmp.Diff(want, "\n"+out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
