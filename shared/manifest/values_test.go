package manifest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/shared/manifest"
)

const fromFile = "version: 1\nlinkers:\n  - key: k\n    values_file: v.txt\n"

func TestValuesFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content  string
		want     []string
		problems []string
	}{
		"one value a line":             {content: "A\nB\n", want: []string{"A", "B"}},
		"no line break at the end":     {content: "A\nB", want: []string{"A", "B"}},
		"Windows line ends and a mark": {content: "\ufeffA\r\nB\r\n", want: []string{"A", "B"}},
		"comments and blank lines":     {content: "# teams\n\nA # the first\n  # indented\n\t B \n#C\n", want: []string{"A", "B"}},
		"a number sign in a value":     {content: "A#B\nC\t# D#E\n", problems: []string{`v.txt:1:1: this value has the character '#'; only letters (A-Z, a-z), digits, _ and - are allowed`}},
		"digits need no quotes":        {content: "2024\n007\ntrue\n", want: []string{"2024", "007", "true"}},
		"an empty file":                {content: "", problems: []string{`m.yaml:4:18: values_file "v.txt" holds no values; if the linker should have none, write values: [] instead`}},
		"only comments":                {content: "# A\n\n", problems: []string{`m.yaml:4:18: values_file "v.txt" holds no values; if the linker should have none, write values: [] instead`}},
		"a value twice":                {content: "A\nB\n\n  A\n", problems: []string{`v.txt:4:3: value "A" is listed for the second time, first in line 1; remove one`}},
		"pasted from elsewhere":        {content: "\ufeffA\u00a0\r\n\u200bB\u200b\r\n", want: []string{"A", "B"}},
		"invisible characters inside": {content: "A\u200bB\nA\u00a0B\n", problems: []string{
			"v.txt:1:1: this value has a zero-width space (U+200B); only letters (A-Z, a-z), digits, _ and - are allowed",
			"v.txt:2:1: this value has a non-breaking space (U+00A0); only letters (A-Z, a-z), digits, _ and - are allowed",
		}},
		"a file with credentials": {content: "password=canary\ncanary-7f3a-canary-7f3a-canary\ncanary-7f3a-canary-7f3a-canary\n", problems: []string{
			"v.txt:1:1: this value has the character '='; only letters (A-Z, a-z), digits, _ and - are allowed",
			"v.txt:3:1: this value is listed for the second time, first in line 2; remove one",
		}},
		"two values in a line":          {content: "A B\n", problems: []string{`v.txt:1:1: this value has the character ' '; only letters (A-Z, a-z), digits, _ and - are allowed`}},
		"a list of another kind":        {content: "- A\n\"B\",\n", problems: []string{`v.txt:1:1: this value has the character ' '; only letters (A-Z, a-z), digits, _ and - are allowed`, `v.txt:2:1: this value has the character '"'; only letters (A-Z, a-z), digits, _ and - are allowed`}},
		"an encoding that is not UTF-8": {content: "A\nB\xff\n", problems: []string{"v.txt:2:2: this is not UTF-8 text; save the file as UTF-8"}},
		"a credential in a comment":     {content: "A\n# ATATT3xFfGF0abcdefghijklmno\n", problems: []string{"v.txt:2:3: this looks like an Atlassian API token; " + advice}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.Parse("m.yaml", []byte(fromFile), func(path string) ([]byte, error) {
				if path != "v.txt" {
					return nil, fmt.Errorf("unexpected path %q", path)
				}
				return []byte(test.content), nil
			})
			if diff := cmp.Diff(test.problems, problemLines(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(test.want, got.Linkers[0].Values); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

const advice = "a secret in this file is in the repository's history for good: revoke it, keep the new one in a secret store, and write a reference to it (token: env:NAME, file:PATH or aws-secret:ID#key)"

func TestValuesFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		open func(string) ([]byte, error)
		want string
	}{
		"there is none": {
			func(string) ([]byte, error) {
				return nil, &fs.PathError{Op: "open", Path: "/x/v.txt", Err: fs.ErrNotExist}
			},
			"there is no such file; its path is relative to the manifest's folder",
		},
		"another reason": {
			func(string) ([]byte, error) {
				return nil, &fs.PathError{Op: "open", Path: "/x/v.txt", Err: errors.New("disk on fire")}
			},
			"disk on fire",
		},
		"no folder to look in": {nil, "this manifest does not come from a folder, so list the values under values"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := manifest.Parse("m.yaml", []byte(fromFile), test.open)
			want := []string{`m.yaml:4:18: values_file "v.txt" can't be read: ` + test.want}
			if diff := cmp.Diff(want, problemLines(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValuesAreBounded(t *testing.T) {
	t.Parallel()
	full := repeat(manifest.MaxValues, "V%d\n")
	parse := func(content string) (manifest.Manifest, []string) {
		got, err := manifest.Parse("m.yaml", []byte(fromFile), func(string) ([]byte, error) { return []byte(content), nil })
		return got, problemLines(err)
	}
	got, problems := parse(full)
	if problems != nil || len(got.Linkers[0].Values) != manifest.MaxValues {
		t.Errorf("the greatest number of values is refused: %v", problems)
	}
	_, problems = parse(full + "X\nY\n")
	want := []string{`v.txt:100001:1: value "X" is one too many: a linker takes 100000 values`}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	_, problems = parse(strings.Repeat("#\n", manifest.MaxFileSize/2+1))
	want = []string{`m.yaml:4:18: values_file "v.txt" has 4194306 bytes, more than 4194304`}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLinkersMayShareAValuesFile(t *testing.T) {
	t.Parallel()
	text := fromFile + "  - key: l\n    values_file: ./v.txt\n"
	_, err := manifest.Parse("teams/m.yaml", []byte(text), func(string) ([]byte, error) { return []byte("A/B\n"), nil })
	want := []string{`teams/v.txt:1:1: this value has the character '/'; only letters (A-Z, a-z), digits, _ and - are allowed`}
	if diff := cmp.Diff(want, problemLines(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestIsValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": false, "A_b-9": true, "a b": false, "\u00e9": false} {
		if got := manifest.IsValue(text); got != want {
			t.Errorf("IsValue(%q) = %v", text, got)
		}
	}
}
