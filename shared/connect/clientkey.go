package connect

import (
	"strings"
	"unicode"
)

// maxClientKey is generous: the longest form seen is a fixed 64 characters and
// the app key.
const maxClientKey = 256

const clientKeyPrefix = "ari:cloud:bitbucket::app/"

// ClientKeyWorkspace takes a client key of the form
// ari:cloud:bitbucket::app/{uuid}/<app key> apart. The uuid, of a workspace or a
// personal account, keeps its braces. ok is false for any other form; older
// installations have keys such as connection:479, which say nothing.
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

// validClientKey keeps what can't be a client key away from the store and the log.
func validClientKey(key string) bool {
	return key != "" && len(key) <= maxClientKey && !strings.ContainsFunc(key, unicode.IsControl)
}

// validUUID accepts {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}. It has to be strict:
// the uuid becomes part of a path when a first install is proven.
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
