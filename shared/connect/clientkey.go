package connect

import (
	"strings"
	"unicode"
)

// maxClientKey is in bytes. The longest form that was seen has 64 and the app key.
const maxClientKey = 256

const clientKeyPrefix = "ari:cloud:bitbucket::app/"

// ClientKeyWorkspace reads a client key of the form
// ari:cloud:bitbucket::app/{uuid}/<app key>. The uuid, of a workspace or a personal
// account, keeps its braces. ok is false for any other form: older installations have
// keys such as connection:479, which name neither.
func ClientKeyWorkspace(clientKey string) (uuid, appKey string, ok bool) {
	rest, found := strings.CutPrefix(clientKey, clientKeyPrefix)
	if !found {
		return "", "", false
	}
	uuid, appKey, _ = strings.Cut(rest, "/")
	if !validUUID(uuid) || appKey == "" {
		return "", "", false
	}
	return uuid, appKey, true
}

// validClientKey refuses what can't be a client key before it reaches the store or a
// log: control characters, and characters that change how a terminal or a log viewer
// shows the text around them.
func validClientKey(key string) bool {
	return key != "" && len(key) <= maxClientKey &&
		!strings.ContainsFunc(key, func(char rune) bool { return !unicode.IsPrint(char) })
}

// validUUID accepts {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx} only, because the uuid
// becomes part of a URL's path when a first install is proven.
func validUUID(uuid string) bool {
	const form = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}"
	if len(uuid) != len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == 'x' && !isHex(uuid[i]) || form[i] != 'x' && form[i] != uuid[i] {
			return false
		}
	}
	return true
}
