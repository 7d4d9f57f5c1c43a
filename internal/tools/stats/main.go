// Command stats prints what the tree weighs: lines, the longest function, repeated
// places, imports against the direction of the house, and, from a cover profile, the
// coverage of the product's statements. `make stats` adds the figures of other tools.
//
//	go run ./internal/tools/stats [-cover .local/cover.out]
package main

import (
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "stats:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("stats", flag.ContinueOnError)
	cover := flags.String("cover", "", "`FILE` that go test -coverprofile wrote")
	if err := flags.Parse(args); err != nil {
		return err
	}
	files, err := read(os.DirFS("."))
	if err != nil {
		return err
	}
	report(out, files)
	if err := functions(out, files); err != nil {
		return err
	}
	if *cover == "" {
		return nil
	}
	profile, err := os.Open(*cover)
	if err != nil {
		return fmt.Errorf("open the cover profile: %w", err)
	}
	defer func() { _ = profile.Close() }()
	covered, all, err := coverage(profile)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "coverage: %d of the product's %d statements, %.1f %%\n", covered, all, 100*float64(covered)/float64(max(all, 1)))
	return nil
}

// file is one Go file of the tree.
type file struct{ path, text string }

func (f file) test() bool     { return strings.HasSuffix(f.path, "_test.go") }
func (f file) internal() bool { return strings.HasPrefix(f.path, "internal/") }
func (f file) product() bool  { return !f.test() && !f.internal() }

// read returns the tree's Go files, without what Go itself leaves out.
func read(tree fs.FS) ([]file, error) {
	var files []file
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		text, err := fs.ReadFile(tree, path)
		files = append(files, file{path, string(text)})
		return err
	})
	return files, err
}

// report prints the figures that need no parsing.
func report(out io.Writer, files []file) {
	product, internal, tests, against := 0, 0, 0, 0
	var untested []file
	for _, f := range files {
		lines := strings.Count(f.text, "\n")
		switch {
		case f.test():
			tests += lines
		case f.internal():
			internal += lines
		default:
			product += lines
		}
		if !f.test() {
			untested = append(untested, f)
			against += againstDirection(f)
		}
	}
	_, _ = fmt.Fprintf(out, "lines: product %d (limit 22,500), internal %d (limit 13,500), tests %d (limit 38,000)\n", product, internal, tests)
	_, _ = fmt.Fprintf(out, "pairs of repeated places of %d lines and more: %d outside tests (limit 120), %d with tests\n",
		window, repeated(untested), repeated(files))
	_, _ = fmt.Fprintf(out, "imports from the core to an edge, from an edge to the other, or from the product to internal/: %d; circles: 0, or Go would not build it\n", against)
}

// againstDirection counts a file's imports that the house doesn't allow.
func againstDirection(f file) int {
	const module = `"github.com/linkersync/linkersync/`
	top, _, _ := strings.Cut(f.path, "/")
	denied := map[string][]string{
		"shared":    {"functions/", "action/", "internal/"},
		"functions": {"action/", "internal/"},
		"action":    {"functions/", "internal/"},
	}
	count := 0
	for _, folder := range denied[top] {
		count += strings.Count(f.text, module+folder)
	}
	return count
}
