package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Encode writes a manifest that [Parse] reads back as the same state: values
// are inline, positions and the path are left out. It fails with [Problems]
// when the manifest is one that Parse would refuse.
func Encode(m Manifest) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "version: %d\n", version)
	if m.App != "" {
		fmt.Fprintf(&out, "app: %s\n", scalar(m.App))
	}
	encodeLinkers(&out, m.Linkers)
	encodeConnections(&out, m)
	encodeSyncs(&out, m)
	if _, err := Parse(m.Path, out.Bytes(), nil); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return out.Bytes(), nil
}

func encodeLinkers(out *bytes.Buffer, linkers []Linker) {
	if len(linkers) > 0 {
		out.WriteString("linkers:\n")
	}
	for _, linker := range linkers {
		fmt.Fprintf(out, "  - key: %s\n", scalar(linker.Key))
		if linker.Prune {
			out.WriteString("    prune: true\n")
		}
		if len(linker.Values) == 0 {
			out.WriteString("    values: []\n")
			continue
		}
		out.WriteString("    values:\n")
		for _, value := range linker.Values {
			fmt.Fprintf(out, "      - %s\n", scalar(value))
		}
	}
}

func encodeConnections(out *bytes.Buffer, m Manifest) {
	if m.PruneConnections {
		out.WriteString("prune_connections: true\n")
	}
	if len(m.Connections) > 0 {
		out.WriteString("connections:\n")
	}
	for _, connection := range m.Connections {
		fmt.Fprintf(out, "  - name: %s\n", scalar(connection.Name))
		for _, optional := range []struct{ key, text string }{
			{"project_id", connection.ProjectID},
			{"description", connection.Description},
		} {
			if optional.text != "" {
				fmt.Fprintf(out, "    %s: %s\n", optional.key, scalar(optional.text))
			}
		}
		fmt.Fprintf(out, "    email: %s\n    token: %s\n", scalar(connection.Email), scalar(connection.Token.String()))
		if len(connection.Uses) > 0 {
			fmt.Fprintf(out, "    uses: [%s]\n", strings.Join(connection.Uses, ", "))
		}
		if connection.Adopt {
			out.WriteString("    adopt: true\n")
		}
	}
}

func encodeSyncs(out *bytes.Buffer, m Manifest) {
	if m.PruneSyncs {
		out.WriteString("prune_syncs: true\n")
	}
	if len(m.Syncs) > 0 {
		out.WriteString("syncs:\n")
	}
	for _, sync := range m.Syncs {
		scope := ""
		if sync.OrganizationConnection {
			scope = scopeOrganization
		}
		fmt.Fprintf(out, "  - name: %s\n", scalar(sync.Name))
		for _, field := range []struct{ key, text string }{
			{"project_id", sync.ProjectID},
			{"description", sync.Description},
			{"environment", sync.Environment},
			{"secret_path", sync.SecretPath},
			{"connection", sync.Connection},
			{"connection_scope", scope},
			{"workspace", sync.Workspace},
			{"repository", sync.Repository},
			{"deployment_environment", sync.DeploymentEnvironment},
			{"key_schema", sync.KeySchema},
		} {
			if field.text != "" {
				fmt.Fprintf(out, "    %s: %s\n", field.key, scalar(field.text))
			}
		}
		for _, field := range []struct {
			key         string
			value, when bool
		}{{"deletion", true, sync.Deletion}, {"automatic", false, !sync.Automatic}, {"adopt", true, sync.Adopt}} {
			if field.when {
				fmt.Fprintf(out, "    %s: %t\n", field.key, field.value)
			}
		}
	}
}

// scalar writes text plainly where no YAML reader, of whatever version, takes
// it for something else, and in quotes elsewhere.
func scalar(text string) string {
	if isPlain(text) {
		return text
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	// A string always encodes; a JSON string is a YAML one.
	_ = encoder.Encode(text)
	return strings.TrimSuffix(quoted.String(), "\n")
}

// isPlain takes words that start with a letter, except those that YAML 1.1 or
// 1.2 reads as a boolean or as nothing.
func isPlain(text string) bool {
	if text == "" || (text[0] < 'A' || text[0] > 'Z') && (text[0] < 'a' || text[0] > 'z') {
		return false
	}
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return false
	}
	return IsValue(text)
}
