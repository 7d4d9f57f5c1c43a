package connect

import (
	"fmt"
	"strings"
	"unicode"
)

// WorkspaceUUID identifies a workspace or a personal account, in the form that
// Bitbucket writes: in lower case and with braces. Two values are equal exactly
// when they are of the same workspace. [ParseWorkspaceUUID] makes one; the zero
// value is no workspace.
type WorkspaceUUID string

const uuidForm = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}"

// ParseWorkspaceUUID reads a UUID in upper or lower case, with braces or without.
// It is strict otherwise: the UUID becomes part of a URL's path.
func ParseWorkspaceUUID(text string) (WorkspaceUUID, error) {
	braced := text
	if len(text) == len(uuidForm)-2 {
		braced = "{" + text + "}"
	}
	if !validUUID(braced) {
		return "", fmt.Errorf("%.60q is no workspace UUID such as {11111111-2222-4333-8444-555555555555}", text)
	}
	return WorkspaceUUID(strings.ToLower(braced)), nil
}

// Bare returns the UUID without its braces.
func (w WorkspaceUUID) Bare() string { return strings.Trim(string(w), "{}") }

// maxClientKey is generous: the longest form seen is a fixed 64 characters and
// the app key.
const maxClientKey = 256

const clientKeyPrefix = "ari:cloud:bitbucket::app/"

// ClientKey returns the client key of an app's installation in a workspace.
func ClientKey(workspace WorkspaceUUID, appKey string) string {
	return clientKeyPrefix + string(workspace) + "/" + appKey
}

// ClientKeyWorkspace takes a client key of the form
// ari:cloud:bitbucket::app/{uuid}/<app key> apart. ok is false for any other form;
// older installations have keys such as connection:479, which name no workspace.
func ClientKeyWorkspace(clientKey string) (workspace WorkspaceUUID, appKey string, ok bool) {
	rest, found := strings.CutPrefix(clientKey, clientKeyPrefix)
	if !found {
		return "", "", false
	}
	uuid, appKey, _ := strings.Cut(rest, "/")
	if !validUUID(uuid) || appKey == "" {
		return "", "", false
	}
	return WorkspaceUUID(strings.ToLower(uuid)), appKey, true
}

// CanonicalClientKey returns the client key with its UUID in lower case, so that a
// workspace has one client key. A client key of another form is returned as it is.
func CanonicalClientKey(clientKey string) string {
	workspace, appKey, ok := ClientKeyWorkspace(clientKey)
	if !ok || strings.HasPrefix(clientKey[len(clientKeyPrefix):], string(workspace)) {
		return clientKey
	}
	return ClientKey(workspace, appKey)
}

// validClientKey keeps what can't be a client key away from the store and the log:
// invisible characters would let one client key look like another.
func validClientKey(key string) bool {
	return key != "" && len(key) <= maxClientKey && !strings.ContainsFunc(key, func(c rune) bool {
		return !unicode.IsPrint(c) || c == unicode.ReplacementChar
	})
}

// validUUID accepts {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}.
func validUUID(uuid string) bool {
	if len(uuid) != len(uuidForm) {
		return false
	}
	for i := range len(uuidForm) {
		if uuidForm[i] == 'x' && !isHex(uuid[i]) || uuidForm[i] != 'x' && uuidForm[i] != uuid[i] {
			return false
		}
	}
	return true
}
