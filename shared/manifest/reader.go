package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reader walks the nodes of one manifest and reports everything that is wrong
// instead of stopping at the first.
type reader struct {
	name     string
	open     func(path string) ([]byte, error)
	problems *collector
}

// add reports a problem of the manifest.
func (r *reader) add(at Position, path, format string, args ...any) {
	r.problems.add(Problem{File: r.name, Position: at, Path: path, Message: fmt.Sprintf(format, args...)})
}

// whole reports a problem that has no line.
func (r *reader) whole(format string, args ...any) { r.add(Position{}, "", format, args...) }

// fields are the entries of a mapping by key.
type fields struct {
	at      Position
	path    string
	entries map[string]ast.Node
}

// child is the path of an entry.
func (f fields) child(key string) string {
	if f.path == "" {
		return key
	}
	return f.path + "." + key
}

// mapping returns the entries with known keys and reports the others.
func (r *reader) mapping(node ast.Node, path string, known []string) (fields, bool) {
	found := fields{at: position(node), path: path, entries: map[string]ast.Node{}}
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		r.add(found.at, path, "%s must have keys (%s), not be %s", subject(path), strings.Join(known, ", "), describe(node))
		return found, false
	}
	seen := map[string]Position{}
	for _, entry := range mapping.Values {
		key := entry.Key.GetToken().Value
		at := position(entry.Key)
		if first, twice := seen[key]; twice {
			r.add(at, found.child(shown(key)), "key %s stands here for the second time, first in line %d; remove one", quote(key), first.Line)
			continue
		}
		seen[key] = at
		if !slices.Contains(known, key) {
			r.add(at, found.child(shown(key)), "%s", unknownKey(key, subject(path), known))
			continue
		}
		found.entries[key] = entry.Value
	}
	return found, true
}

// list returns the elements of a sequence.
func (r *reader) list(node ast.Node, path string) ([]ast.Node, bool) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		r.add(position(node), path, "%s must be a list, not %s; write [] for an empty one", subject(path), describe(node))
		return nil, false
	}
	return sequence.Values, true
}

// text returns a string; path is built only when it is not one.
func (r *reader) text(node ast.Node, path func() string) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
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
	value, ok := node.(*ast.BoolNode)
	if !ok {
		r.add(position(node), from.child(key), "%s must be true or false, not %s", from.child(key), describe(node))
		return false
	}
	return value.Value
}

// rule tells what is wrong with a text, or nothing.
type rule func(text string) (problem string)

// field returns the checked text of an entry, or nothing when it is missing.
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
	if problem := check(text); problem != "" {
		r.add(position(node), from.child(key), "%s %s", from.child(key), problem)
		return ""
	}
	return text
}

// The kinds of YAML nodes as people call them.
const (
	kindNumber  = "a number"
	kindBoolean = "true or false"
)

func describe(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode:
		return "a group of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return kindNumber
	case *ast.BoolNode:
		return kindBoolean
	default:
		return "empty"
	}
}

// position is where a node starts. A block mapping's own token is the first
// colon, so its first key counts.
func position(node ast.Node) Position {
	if mapping, ok := node.(*ast.MappingNode); ok && !mapping.IsFlowStyle && len(mapping.Values) > 0 {
		return place(mapping.Values[0].Key.GetToken())
	}
	return place(node.GetToken())
}

// subject is what a message calls the thing at path.
func subject(path string) string {
	if path == "" {
		return "the manifest"
	}
	return path
}
