package manifest

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/linkersync/linkersync/shared/input"
)

func (r *reader) linkers(node *yaml.Node) []Linker {
	elements, ok := r.list(node, "linkers")
	if !ok {
		return nil
	}
	if len(elements) > MaxLinkers {
		r.add(position(elements[MaxLinkers]), "linkers", "this is linker %d, and a manifest takes %d", MaxLinkers+1, MaxLinkers)
		elements = elements[:MaxLinkers]
	}
	linkers := make([]Linker, 0, len(elements))
	seen := map[string]Position{}
	for i, element := range elements {
		linker := r.linker(element, fmt.Sprintf("linkers[%d]", i))
		if first, twice := seen[linker.Key]; twice && linker.Key != "" {
			r.add(linker.Position, fmt.Sprintf("linkers[%d].key", i),
				"%s is listed for the second time, first in line %d; put its values together", named("linker", linker.Key), first.Line)
		} else {
			seen[linker.Key] = linker.Position
		}
		linkers = append(linkers, linker)
	}
	return linkers
}

func (r *reader) linker(node *yaml.Node, path string) Linker {
	linker := Linker{Position: position(node)}
	from, ok := r.mapping(node, path, []string{"key", "values", "values_file", "prune"})
	if !ok {
		return linker
	}
	linker.Key = r.field(from, "key", true, checkKey)
	linker.Prune = r.boolean(from, "prune")

	inline, hasInline := from.entries["values"]
	file, hasFile := from.entries["values_file"]
	if !hasInline && !hasFile {
		// Not the same as an empty list: with prune on, that would delete all.
		r.add(from.at, path, "%s has neither values nor values_file; add one, or values: [] if it should have none", path)
	}
	set := &valueSet{reader: r, seen: map[string]place{}}
	if hasInline {
		r.inlineValues(set, inline, from.child("values"))
	}
	if hasFile {
		r.fileValues(set, file, from.child("values_file"))
	}
	linker.Values = set.values
	return linker
}

func (r *reader) inlineValues(set *valueSet, node *yaml.Node, path string) {
	elements, ok := r.list(node, path)
	if !ok {
		return
	}
	for i, element := range elements {
		child := func() string { return fmt.Sprintf("%s[%d]", path, i) }
		if value, ok := r.text(element, child); ok {
			set.add(input.Trim(value), position(element), child)
		}
	}
}
