package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestRepeated(t *testing.T) {
	t.Parallel()
	const six, other = "a\nb\nc\nd\ne\nf\n", "g\nh\ni\nj\nk\nl\n"
	for name, test := range map[string]struct {
		texts []string
		want  int
	}{
		"nothing":                   {[]string{six, other}, 0},
		"six lines in two files":    {[]string{six + "x\n", "y\n" + six}, 1},
		"eight lines count once":    {[]string{six + "g\nh\n", six + "g\nh\n"}, 1},
		"three places are 3 pairs":  {[]string{six, six, six}, 3},
		"twice in one file":         {[]string{six + "x\n" + six}, 1},
		"other texts and numbers":   {[]string{"a(\"x\", 1)\n" + six[2:], "a(\"y \\\" z\", 20)\n" + six[2:]}, 1},
		"another word":              {[]string{six, "z\n" + six[2:]}, 0},
		"five lines":                {[]string{"a\nb\nc\nd\ne\n", "a\nb\nc\nd\ne\n"}, 0},
		"space and comments":        {[]string{six, "\ta\n\n// said\n b\nc\nd\ne\nf\n"}, 1},
		"a file's head and imports": {[]string{"package x\n\nimport (\n" + six + ")\n", "package x\n\nimport (\n" + six + ")\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var files []file
			for _, text := range test.texts {
				files = append(files, file{text: text})
			}
			if got := repeated(files); got != test.want {
				t.Errorf("got %d pairs, want %d", got, test.want)
			}
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	const module = "github.com/linkersync/linkersync/"
	source := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte("package x\n" + text)} }
	files, err := read(fstest.MapFS{
		"shared/a/a.go":            source("import \"" + module + "internal/parts\"\n"),
		"shared/a/a_test.go":       source("import \"" + module + "internal/parts\"\n"),
		"functions/b/b.go":         source("func long() {\n" + strings.Repeat("\tlong()\n", 44) + "}\n"),
		"internal/c/c.go":          source(""),
		"internal/c/testdata/d.go": source("no Go"),
		".tools/e.go":              source("no Go"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	report(&out, files)
	if err := functions(&out, files); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"product 49 (limit 22,500), internal 1 (limit 13,500), tests 2 ",
		"internal/: 1;",
		"longest function of the product: 46 lines, functions/b/b.go:2 long; over 45 lines: 1\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s\nlacks %q", out.String(), want)
		}
	}
}

// A statement that one of two test binaries ran is covered, and counts once.
func TestCoverage(t *testing.T) {
	t.Parallel()
	profile := "mode: set\na.go:1.1,2.2 3 0\nb.go:1.1,2.2 1 0\nmode: set\na.go:1.1,2.2 3 1\n"
	covered, all, err := coverage(strings.NewReader(profile))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{3, 4}, []int{covered, all}); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	if _, _, err := coverage(strings.NewReader("garbage\n")); err == nil {
		t.Error("garbage is no profile")
	}
}
