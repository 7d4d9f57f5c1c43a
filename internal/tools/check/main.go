// Command check looks at what no linter knows: the Go version in each place that
// names one, the length of Markdown lines and of commit subjects, and the bounds in
// docs/retries.md. `make lint` runs it; it prints each complaint on a line of its own.
//
//	go run ./internal/tools/check [-base origin/main]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	base := flags.String("base", "", "check the subjects of the commits since this `COMMIT`; none without it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	tree := os.DirFS(".")
	files, err := tracked(ctx)
	if err != nil {
		return err
	}
	found, err := goVersions(tree, files)
	if err != nil {
		return err
	}
	lines, err := markdown(tree, files)
	if err != nil {
		return err
	}
	found = append(found, lines...)
	bounds, err := retries(tree)
	if err != nil {
		return err
	}
	found = append(found, bounds...)
	if *base != "" {
		log, err := git(ctx, "log", "--format=%h %s", *base+"..HEAD")
		if err != nil { // an archive, or a clone without its history
			_, _ = fmt.Fprintln(out, "subjects are not checked:", err)
		}
		found = append(found, subjects(log)...)
	}
	for _, complaint := range found {
		_, _ = fmt.Fprintln(out, complaint)
	}
	if len(found) > 0 {
		return fmt.Errorf("%d complaints", len(found))
	}
	return nil
}

// tracked lists the files that git knows. Without git, as in an archive of the
// source, it lists all.
func tracked(ctx context.Context) ([]string, error) {
	if list, err := git(ctx, "ls-files"); err == nil {
		return strings.Fields(list), nil
	}
	var files []string
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, exit.Stderr)
	}
	return string(out), err
}
