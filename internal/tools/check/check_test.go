package main

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// tree is a repository in which every place agrees, with some files replaced.
func tree(changed map[string]string) (fstest.MapFS, []string) {
	content := map[string]string{
		"go.mod":                   "module example.com/x\n\ngo 1.26.8\n",
		"action/Dockerfile":        "ARG GO_IMAGE=golang:1.26.8-bookworm@sha256:0\n",
		".github/workflows/ci.yml": "- uses: actions/setup-go@v6\n  with:\n    go-version-file: go.mod\n",
		"docs/a.md":                "Short.\n",
	}
	for name, text := range changed {
		content[name] = text
	}
	files := fstest.MapFS{}
	var names []string
	for name, text := range content {
		files[name] = &fstest.MapFile{Data: []byte(text)}
		names = append(names, name)
	}
	return files, names
}

func TestGoVersions(t *testing.T) {
	t.Parallel()
	const workflow = ".github/workflows/ci.yml"
	for name, test := range map[string]struct {
		changed map[string]string
		want    []string
	}{
		"all agree":                {},
		"an older image":           {map[string]string{"action/Dockerfile": "ARG GO_IMAGE=golang:1.26.7-bookworm\n"}, []string{"action/Dockerfile: has Go 1.26.7, go.mod has 1.26.8"}},
		"an image of no version":   {map[string]string{"action/Dockerfile": "FROM golang\n"}, []string{"action/Dockerfile: names no Go version, want 1.26.8"}},
		"go.mod without the patch": {map[string]string{"go.mod": "go 1.26\n"}, []string{"go.mod: want a go line with a patch release, such as go 1.26.8"}},
		"another toolchain":        {map[string]string{"go.mod": "go 1.26.8\n\ntoolchain go1.27.0\n"}, []string{"go.mod: has Go 1.27.0, go.mod has 1.26.8"}},
		"an older second module":   {map[string]string{"internal/tools/plot/go.mod": "go 1.26.0\n"}, []string{"internal/tools/plot/go.mod: has Go 1.26.0, go.mod has 1.26.8"}},
		"a workflow with its own":  {map[string]string{workflow: "- uses: actions/setup-go@v6\n  with:\n    go-version: 1.26.8\n"}, []string{workflow + ": names a Go version; want go-version-file: go.mod", workflow + ": 0 of 1 uses of setup-go take go.mod's Go"}},
		"a workflow with none":     {map[string]string{workflow: "- uses: actions/setup-go@v6\n"}, []string{workflow + ": 0 of 1 uses of setup-go take go.mod's Go"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := goVersions(tree(test.changed))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	words := strings.TrimSpace(strings.Repeat("word ", 21)) // 104 characters
	address := "https://example.com/" + strings.Repeat("a", 100)
	for name, test := range map[string]struct {
		text string
		long bool
	}{
		"short":              {"word word\n", false},
		"exactly 100":        {strings.Repeat("é", 49) + " " + strings.Repeat("é", 50) + "\n", false},
		"101 characters":     {strings.Repeat("é", 50) + " " + strings.Repeat("é", 50) + "\n", true},
		"a paragraph":        {words + "\n", true},
		"an item":            {"- " + words + "\n", true},
		"a table":            {"| " + words + " |\n", false},
		"code":               {"```sh\n" + words + "\n```\n", false},
		"indented code":      {"Run\n\n    " + words + "\n", false},
		"a continued item":   {"- word\n    " + words + "\n", true},
		"after code":         {"```sh\nx\n```\n" + words + "\n", true},
		"a link":             {"See [the text](" + address + ").\n", false},
		"a link after words": {words + " [text](" + address + ")\n", true},
		"a bare address":     {"- " + address + "\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := markdown(tree(map[string]string{"docs/a.md": test.text}))
			if err != nil {
				t.Fatal(err)
			}
			if (len(got) > 0) != test.long {
				t.Errorf("complaints: %q", got)
			}
		})
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	log := "1111111 " + strings.Repeat("x", 65) + "\n2222222 " + strings.Repeat("x", 66) + "\n"
	want := []string{"commit 2222222: its subject has 66 characters, want at most 65"}
	if diff := cmp.Diff(want, subjects(log)); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		row, code string
		want      []string
	}{
		"a constant":        {"| waits | `maxWait` | `2 * time.Minute` | `a.go` |", "\tmaxWait   = 2 * time.Minute\n", nil},
		"a setting":         {"| receives | `maxReceiveCount` | `10` | `a.go` |", "  maxReceiveCount: 10\n", nil},
		"another value":     {"| tries | `attempts` | `4` | `a.go` |", "attempts = 40\n", []string{"docs/retries.md: a.go has no attempts of 4"}},
		"another name":      {"| tries | `attempts` | `4` | `a.go` |", "maxAttempts = 4\n", []string{"docs/retries.md: a.go has no attempts of 4"}},
		"an unreadable row": {"| tries | attempts | 4 | a.go |", "", []string{"docs/retries.md: no row of its table can be read"}},
	} {
		files := fstest.MapFS{"docs/retries.md": {Data: []byte(test.row + "\n")}, "a.go": {Data: []byte(test.code)}}
		got, err := retries(files)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
