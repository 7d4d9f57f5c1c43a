package installation

import (
	"strings"

	"github.com/linkersync/linkersync/shared/connect"
)

// The longest Type and DisplayName that are stored, in characters. JSON writes a
// character in at most six bytes, so a value stays far below [MaxValue].
const (
	maxType        = 64
	maxDisplayName = 256
)

// Principal is the workspace or user that the app is installed in.
type Principal struct {
	// UUID is the workspace's or the account's; empty when it isn't known.
	UUID connect.WorkspaceUUID `json:"uuid"`
	// Type is "team" (a workspace) or "user" (a personal account).
	Type string `json:"type,omitempty"`
	// DisplayName is for people; it changes and identifies nothing. The store cuts it
	// to 256 characters.
	DisplayName string `json:"display_name,omitempty"`
}

// stored is the principal in the form that is stored: what is only for display is
// cut, and the UUID is in lower case.
func (p Principal) stored() Principal {
	if workspace, err := connect.ParseWorkspaceUUID(string(p.UUID)); err == nil {
		p.UUID = workspace
	}
	p.Type, p.DisplayName = cut(p.Type, maxType), cut(p.DisplayName, maxDisplayName)
	return p
}

// cut returns at most so many characters of a text, whole ones.
func cut(text string, characters int) string {
	for i := range text {
		if characters == 0 {
			text = text[:i]
			break
		}
		characters--
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
