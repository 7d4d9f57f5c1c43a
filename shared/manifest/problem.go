package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a manifest or with a file that it names.
type Problem struct {
	// File is the manifest's name or that of its values file.
	File string `json:"file"`
	// Position is zero when the problem is the whole file's, as when it is missing.
	Position
	// Path is the place in the document, as in linkers[0].values[3]; empty for
	// the whole document and for a line of a values file.
	Path string `json:"path,omitempty"`
	// Message says what is wrong and what to do. It never holds a secret.
	Message string `json:"message"`
}

// String returns "file:line:col: message", which editors and CI systems link.
func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems is everything that is wrong with a manifest and its values files, in
// the order of the lines, at most [MaxProblems] per file and a last one that
// counts the rest. [Load] and [Parse] return it as their error; get it with
// errors.As.
type Problems []Problem

// Error returns one line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// collector gathers problems while the files are walked. What it stores is
// bounded, because a values file in the wrong format has one on every line.
type collector struct {
	files []*fileProblems
}

type fileProblems struct {
	name   string
	stored Problems
	more   int
}

func (c *collector) add(p Problem) {
	file := c.file(p.File)
	if len(file.stored) == MaxProblems {
		file.more++
		return
	}
	file.stored = append(file.stored, p)
}

func (c *collector) file(name string) *fileProblems {
	for _, file := range c.files {
		if file.name == name {
			return file
		}
	}
	file := &fileProblems{name: name}
	c.files = append(c.files, file)
	return file
}

// err returns nil, not an empty Problems, when there are none.
func (c *collector) err() error {
	var all Problems
	for _, file := range c.files {
		slices.SortStableFunc(file.stored, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		// Two linkers may share a values file.
		all = append(all, slices.Compact(file.stored)...)
		if file.more > 0 {
			all = append(all, Problem{File: file.name, Message: fmt.Sprintf("and %d more problems in this file", file.more)})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
