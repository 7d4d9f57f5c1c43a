package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/linkersync/linkersync/shared/input"
)

// source is where a value was read.
type source struct {
	file string
	at   Position
}

// valueSet collects the values of one linker, in order and each once.
type valueSet struct {
	reader *reader
	values []string
	seen   map[string]source
	full   bool
}

// add takes a value or reports what is wrong with it; path is called only then.
func (s *valueSet) add(value string, from source, path func() string) {
	problem := checkValue(value)
	first, twice := s.seen[value]
	switch {
	case problem != "":
	case twice && first.file == from.file:
		problem = fmt.Sprintf("is listed for the second time, first in line %d; remove one", first.at.Line)
	case twice:
		problem = fmt.Sprintf("is listed already, in %s line %d; remove one", first.file, first.at.Line)
	case len(s.values) == MaxValues:
		if s.full {
			return
		}
		s.full = true
		problem = fmt.Sprintf("is one too many: a linker takes %d values", MaxValues)
	default:
		s.seen[value] = from
		s.values = append(s.values, value)
		return
	}
	s.reader.problems.add(Problem{
		File: from.file, Position: from.at, Path: path(),
		Message: fmt.Sprintf("value %s %s", quote(value), problem),
	})
}

// fileValues adds the values of the file that node names.
func (r *reader) fileValues(set *valueSet, node ast.Node, at string) {
	name, ok := r.text(node, func() string { return at })
	if !ok {
		return
	}
	local, problem := localPath(name)
	if problem != "" {
		r.add(position(node), at, "values_file %s %s", quote(name), problem)
		return
	}
	if r.open == nil {
		r.add(position(node), at, "values_file %s can't be read: this manifest does not come from a folder, so list the values under values", quote(name))
		return
	}
	data, err := r.open(local)
	if err != nil {
		r.add(position(node), at, "values_file %s can't be read: %s", quote(name), openMessage(err))
		return
	}
	if len(data) > MaxFileSize {
		r.add(position(node), at, "values_file %s has %d bytes, more than %d", quote(name), len(data), MaxFileSize)
		return
	}
	if r.lines(set, besides(r.name, local), data) == 0 {
		// A generator that failed leaves an empty file, and with prune on that
		// would delete every value.
		r.add(position(node), at, "values_file %s holds no values; if the linker should have none, write values: [] instead", quote(name))
	}
}

// lines adds one value per line; comments and empty lines are skipped.
// It returns how many lines had a value, right or wrong.
func (r *reader) lines(set *valueSet, file string, data []byte) int {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		r.problems.add(Problem{File: file, Position: invalidUTF8(data), Message: "this is not UTF-8 text; save the file as UTF-8"})
		return 1
	}
	r.findSecrets(file, data)
	count, number := 0, 0
	for line := range strings.Lines(string(data)) {
		number++
		content := uncommented(line)
		value := strings.TrimSpace(content)
		if value == "" {
			continue
		}
		count++
		indent := len(content) - len(strings.TrimLeftFunc(content, unicode.IsSpace))
		column := utf8.RuneCountInString(content[:indent]) + 1
		set.add(value, source{file: file, at: Position{Line: number, Column: column}}, func() string { return "" })
	}
	return count
}

// uncommented cuts a comment off. As in YAML, # starts one at the line's start and
// after a blank: A#B is a wrong value, not the value A.
func uncommented(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// localPath keeps a manifest, which may come from a pull request, from reading
// files outside of its folder.
func localPath(name string) (local, problem string) {
	switch clean := path.Clean(name); {
	case name == "":
		return "", "is empty; name a file"
	case strings.Contains(name, `\`):
		return "", "has a backslash; separate folders with /"
	case !fs.ValidPath(clean) || clean == ".":
		return "", "must be a file in the manifest's folder or below it, with a path relative to that folder"
	default:
		return clean, ""
	}
}

// besides names a values file as the user would from where the manifest was named.
func besides(manifest, local string) string {
	return path.Join(path.Dir(filepath.ToSlash(manifest)), local)
}

func openMessage(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no such file; its path is relative to the manifest's folder"
	}
	return input.Reason(err)
}
