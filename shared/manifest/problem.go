package manifest

import (
	"fmt"
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

// Problems is everything that is wrong with a manifest, in the order of the
// files, at most [MaxProblems] and a last one that counts the rest. [Load] and
// [Parse] return it as their error; get it with errors.As.
type Problems []Problem

// Error returns one line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}
