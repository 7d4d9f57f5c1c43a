package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/linkersync/linkersync/shared/input"
)

// place is where a value was read. It is small, because a linker has up to
// [MaxValues] of them.
type place struct {
	line   int32
	inFile bool
}

// valueSet collects the values of one linker, in order and each once.
type valueSet struct {
	reader *reader
	// file is the name of the values file, once it is read.
	file   string
	values []string
	seen   map[string]place
	full   bool
}

// add takes a value or reports what is wrong with it; path is called only then.
func (s *valueSet) add(value string, at Position, path func() string) {
	from := s.reader.name
	if s.file != "" {
		from = s.file
	}
	problem := checkValue(value)
	first, twice := s.seen[value]
	switch {
	case problem != "":
	case twice && first.inFile == (s.file != ""):
		problem = fmt.Sprintf("is listed for the second time, first in line %d; remove one", first.line)
	case twice:
		problem = fmt.Sprintf("is listed already, in %s line %d; remove one", s.reader.name, first.line)
	case len(s.values) == MaxValues:
		if s.full {
			return
		}
		s.full = true
		problem = fmt.Sprintf("is one too many: a linker takes %d values", MaxValues)
	default:
		s.seen[value] = place{line: int32(at.Line), inFile: s.file != ""} //nolint:gosec // G115: a file has fewer lines than MaxFileSize
		s.values = append(s.values, value)
		return
	}
	s.reader.problems.add(Problem{File: from, Position: at, Path: path(), Message: named("value", value) + " " + problem})
}

// fileValues adds the values of the file that node names.
func (r *reader) fileValues(set *valueSet, node *yaml.Node, at string) {
	name, ok := r.text(node, func() string { return at })
	if !ok {
		return
	}
	local, problem := localPath(name)
	if problem != "" {
		r.add(position(node), at, "%s %s", namedFile(name), problem)
		return
	}
	if r.open == nil {
		r.add(position(node), at, "%s can't be read: this manifest does not come from a folder, so list the values under values", namedFile(name))
		return
	}
	data, err := r.open(local)
	if err != nil {
		r.add(position(node), at, "%s can't be read: %s", namedFile(name), openMessage(err))
		return
	}
	if len(data) > MaxFileSize {
		r.add(position(node), at, "%s has %d bytes, more than %d", namedFile(name), len(data), MaxFileSize)
		return
	}
	set.file = besides(r.name, local)
	if r.lines(set, data) == 0 {
		// A generator that failed leaves an empty file, and with prune on that
		// would delete every value.
		r.add(position(node), at, "%s holds no values; if the linker should have none, write values: [] instead", namedFile(name))
	}
}

// lines adds one value per line; comments and empty lines are skipped.
// It returns how many lines had a value, right or wrong.
func (r *reader) lines(set *valueSet, data []byte) int {
	data = input.WithoutBOM(data)
	if !utf8.Valid(data) {
		r.problems.add(Problem{File: set.file, Position: invalidUTF8(data), Message: "this is not UTF-8 text; save the file as UTF-8"})
		return 1
	}
	r.findSecrets(set.file, data)
	count, number := 0, 0
	for line := range strings.Lines(string(data)) {
		number++
		content := uncommented(line)
		value := input.Trim(content)
		if value == "" {
			continue
		}
		count++
		before, _, _ := strings.Cut(content, value)
		column := utf8.RuneCountInString(before) + 1
		set.add(strings.Clone(value), Position{Line: number, Column: column}, func() string { return "" })
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
