package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"strings"
)

// maxFunction is how many lines a function of the product may have.
const maxFunction = 45

// functions prints the product's longest function, and those over the limit.
func functions(out io.Writer, files []file) error {
	longest, where := 0, ""
	var over []string
	for _, f := range files {
		if !f.product() {
			continue
		}
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, f.path, f.text, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse %s: %w", f.path, err)
		}
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			from, to := positions.Position(function.Pos()), positions.Position(function.End())
			lines, place := to.Line-from.Line+1, fmt.Sprintf("%s:%d %s", f.path, from.Line, function.Name.Name)
			if lines > longest {
				longest, where = lines, place
			}
			if lines > maxFunction {
				over = append(over, fmt.Sprintf("  %s has %d lines\n", place, lines))
			}
		}
	}
	_, err := fmt.Fprintf(out, "longest function of the product: %d lines, %s; over %d lines: %d\n%s", longest, where, maxFunction, len(over), strings.Join(over, ""))
	return err
}

// coverage counts the statements of a cover profile, covered and all. A statement
// that several test binaries ran stands in the profile several times.
func coverage(profile io.Reader) (covered, all int, err error) {
	statements, hit := map[string]int{}, map[string]bool{}
	lines := bufio.NewScanner(profile)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "mode:") {
			continue
		}
		var place string
		var n, times int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d %d", &place, &n, &times); err != nil {
			return 0, 0, fmt.Errorf("read the cover profile: %q: %w", lines.Text(), err)
		}
		statements[place] = n
		hit[place] = hit[place] || times > 0
	}
	for place, n := range statements {
		all += n
		if hit[place] {
			covered += n
		}
	}
	return covered, all, lines.Err()
}
