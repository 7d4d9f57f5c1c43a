package manifest

import (
	"strconv"

	"go.yaml.in/yaml/v4"
)

// version is the one this package reads and writes.
const version = 1

// Parse reads a manifest from data; name is what problems call it. YAML and
// JSON are both fine. open returns the content of a values file, whose path is
// relative to the manifest with forward slashes; when it is nil, a manifest
// with a values_file is refused, as there is no folder to look in.
//
// The error is [Problems]: everything that is wrong, at once.
func Parse(name string, data []byte, open func(path string) ([]byte, error)) (Manifest, error) {
	r := &reader{name: name, open: open, problems: &collector{}}
	r.findSecrets(name, data)
	m := Manifest{Path: name}
	if node := r.document(data); node != nil {
		r.manifest(node, &m)
	}
	if err := r.problems.err(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

func (r *reader) manifest(node *yaml.Node, m *Manifest) {
	if !r.version(node) {
		return
	}
	top, ok := r.mapping(node, "", []string{"version", "app", "linkers", "connections", "syncs", "prune_connections", "prune_syncs"})
	if !ok {
		return
	}
	m.App = r.field(top, "app", false, checkKey)
	if list, there := top.entries["linkers"]; there {
		m.Linkers = r.linkers(list)
	}
	if list, there := top.entries["connections"]; there {
		m.Connections = r.connections(list)
	}
	if list, there := top.entries["syncs"]; there {
		m.Syncs = r.syncs(list)
	}
	m.PruneConnections = r.boolean(top, "prune_connections")
	m.PruneSyncs = r.boolean(top, "prune_syncs")
}

// version tells whether the rest is worth reading: what a later version means
// by its keys isn't known here, so complaints about them would mislead.
func (r *reader) version(node *yaml.Node) bool {
	if node.Kind != yaml.MappingNode {
		return true
	}
	for key, value := range pairs(node) {
		if key.Value != "version" {
			continue
		}
		switch {
		case value.ShortTag() != "!!int":
			found := describe(value)
			if found == kindNumber {
				found = "a fraction" // 1.0 is a number, too
			}
			r.add(position(value), "version", "version must be the number %d, not %s", version, found)
		case value.Value != strconv.Itoa(version):
			r.add(position(value), "version",
				"%s is not known; this linkersync reads version %d, so use that or a newer linkersync", named("version", value.Value), version)
			return false
		}
		return true
	}
	r.add(position(node), "version", "the manifest has no version; add a line: version: %d", version)
	return true
}
