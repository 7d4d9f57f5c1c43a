package manifest

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/linkersync/linkersync/shared/input"
)

// reader walks the nodes of one manifest and reports everything that is wrong
// instead of stopping at the first.
type reader struct {
	name     string
	open     func(path string) ([]byte, error)
	problems *collector
	// end is behind the last character of the manifest, once it is parsed.
	end Position
}

// add reports a problem of the manifest. The YAML library places what is missing
// behind the end of the file.
func (r *reader) add(at Position, path, format string, args ...any) {
	if r.end.Line > 0 && at.Line > r.end.Line {
		at = r.end
	}
	r.problems.add(Problem{File: r.name, Position: at, Path: path, Message: fmt.Sprintf(format, args...)})
}

// whole reports a problem that has no line.
func (r *reader) whole(format string, args ...any) { r.add(Position{}, "", format, args...) }

// fields are the entries of a mapping by key.
type fields struct {
	at      Position
	path    string
	entries map[string]*yaml.Node
}

// child is the path of an entry.
func (f fields) child(key string) string {
	if f.path == "" {
		return key
	}
	return f.path + "." + key
}

// mapping returns the entries with known keys and reports the others.
func (r *reader) mapping(node *yaml.Node, path string, known []string) (fields, bool) {
	found := fields{at: position(node), path: path, entries: map[string]*yaml.Node{}}
	if node.Kind != yaml.MappingNode {
		r.add(found.at, path, "%s must have keys (%s), not be %s", subject(path), strings.Join(known, ", "), describe(node))
		return found, false
	}
	seen := map[string]Position{}
	for key, value := range pairs(node) {
		at := position(key)
		key := key.Value
		if first, twice := seen[key]; twice {
			r.add(at, found.child(shownKey(key)), "%s stands here for the second time, first in line %d; remove one", named("key", key), first.Line)
			continue
		}
		seen[key] = at
		if !slices.Contains(known, key) {
			r.add(at, found.child(shownKey(key)), "%s", unknownKey(key, subject(path), known))
			continue
		}
		found.entries[key] = value
	}
	return found, true
}

// list returns the elements of a sequence.
func (r *reader) list(node *yaml.Node, path string) ([]*yaml.Node, bool) {
	if node.Kind != yaml.SequenceNode {
		r.add(position(node), path, "%s must be a list, not %s; write [] for an empty one", subject(path), describe(node))
		return nil, false
	}
	return node.Content, true
}

// text returns a string; path is built only when it is not one.
func (r *reader) text(node *yaml.Node, path func() string) (string, bool) {
	if describe(node) == kindText {
		return node.Value, true
	}
	hint := ""
	if kind := describe(node); kind == kindNumber || kind == kindBoolean {
		hint = "; put it in quotes"
	}
	r.add(position(node), path(), "%s must be text, not %s%s", subject(path()), describe(node), hint)
	return "", false
}

// boolean returns the entry's value, or false when the key is not there.
func (r *reader) boolean(from fields, key string) bool {
	node, there := from.entries[key]
	if !there {
		return false
	}
	if describe(node) != kindBoolean {
		r.add(position(node), from.child(key), "%s must be true or false, not %s", from.child(key), describe(node))
		return false
	}
	return strings.EqualFold(node.Value, "true")
}

// rule tells what is wrong with a text, or nothing.
type rule func(text string) (problem string)

// field returns the checked text of an entry without what surrounds it, or nothing when
// it is missing.
func (r *reader) field(from fields, key string, required bool, check rule) string {
	node, there := from.entries[key]
	if !there {
		if required {
			r.add(from.at, from.child(key), "%s has no %s; add it", subject(from.path), key)
		}
		return ""
	}
	text, ok := r.text(node, func() string { return from.child(key) })
	if !ok {
		return ""
	}
	text = input.Trim(text)
	_, err := input.Text(text)
	problem := check(text)
	if err != nil {
		problem = strings.TrimPrefix(err.Error(), "it ")
	}
	if problem != "" {
		r.add(position(node), from.child(key), "%s %s", from.child(key), problem)
		return ""
	}
	return text
}

// The kinds of YAML nodes as people call them.
const (
	kindText    = "text"
	kindNumber  = "a number"
	kindBoolean = "true or false"
)

func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	}
	switch node.ShortTag() {
	case "!!str", "!!timestamp": // a day is text in YAML 1.2, whatever it was in 1.1
		return kindText
	case "!!int", "!!float":
		return kindNumber
	case "!!bool":
		return kindBoolean
	default:
		return "empty"
	}
}

// pairs are the keys and values of a mapping.
func pairs(mapping *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i], mapping.Content[i+1]) {
				return
			}
		}
	}
}

func position(node *yaml.Node) Position { return Position{Line: node.Line, Column: node.Column} }

// subject is what a message calls the thing at path.
func subject(path string) string {
	if path == "" {
		return "the manifest"
	}
	return path
}
