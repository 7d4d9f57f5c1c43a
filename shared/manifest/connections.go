package manifest

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

func (r *reader) connections(node *yaml.Node) []Connection {
	elements, ok := r.list(node, "connections")
	if !ok {
		return nil
	}
	if len(elements) > MaxConnections {
		r.add(position(elements[MaxConnections]), "connections", "this is connection %d, and a manifest takes %d", MaxConnections+1, MaxConnections)
		elements = elements[:MaxConnections]
	}
	connections := make([]Connection, 0, len(elements))
	seen := map[[2]string]Position{}
	for i, element := range elements {
		connection := r.connection(element, fmt.Sprintf("connections[%d]", i))
		id := [2]string{connection.ProjectID, connection.Name}
		if first, twice := seen[id]; twice && connection.Name != "" {
			r.add(connection.Position, fmt.Sprintf("connections[%d].name", i),
				"%s of the same project is listed for the second time, first in line %d; remove one or rename it", named("connection", connection.Name), first.Line)
		} else {
			seen[id] = connection.Position
		}
		connections = append(connections, connection)
	}
	return connections
}

func (r *reader) connection(node *yaml.Node, path string) Connection {
	connection := Connection{Position: position(node)}
	from, ok := r.mapping(node, path, []string{"name", "project_id", "description", "email", "token", "uses", "adopt"})
	if !ok {
		return connection
	}
	connection.Name = r.field(from, "name", true, checkName)
	connection.ProjectID = r.field(from, "project_id", false, checkProjectID)
	connection.Description = r.field(from, "description", false, checkDescription)
	connection.Email = r.field(from, "email", true, checkEmail)
	connection.Uses = r.uses(from)
	connection.Adopt = r.boolean(from, "adopt")
	r.field(from, "token", true, func(text string) string {
		reference, err := ParseReference(text)
		if err != nil {
			return "is " + err.Error()
		}
		connection.Token = reference
		return ""
	})
	return connection
}

// Uses are what a connection's token can be for.
func Uses() []string { return []string{"sync", "scan"} }

// uses reads what the token is for.
func (r *reader) uses(from fields) []string {
	node, there := from.entries["uses"]
	if !there {
		return nil
	}
	path := from.child("uses")
	elements, ok := r.list(node, path)
	if !ok {
		return nil
	}
	var uses []string
	for i, element := range elements {
		text, ok := r.text(element, func() string { return fmt.Sprintf("%s[%d]", path, i) })
		switch {
		case !ok:
		case !slices.Contains(Uses(), text), slices.Contains(uses, text):
			r.add(position(element), fmt.Sprintf("%s[%d]", path, i), "%s must be sync or scan, each once at most", fmt.Sprintf("%s[%d]", path, i))
		default:
			uses = append(uses, text)
		}
	}
	return uses
}
