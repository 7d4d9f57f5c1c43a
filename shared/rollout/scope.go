package rollout

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

const (
	// DefaultScope is the manifest of every workspace that has none of its own.
	DefaultScope = "default.yaml"
	scopeFolder  = "installations/"
	scopeSuffix  = ".yaml"
)

// ErrNotManifest says that an object of the manifest bucket is something else, such as
// notes.txt.
var ErrNotManifest = errors.New("no manifest")

// uuidPattern finds a workspace's UUID in a name, with braces or without.
var uuidPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
})

// WorkspaceScope is the object that holds one workspace's own manifest. It replaces the
// default one as a whole. S3 keys are case-sensitive and UUIDs are not, so the key is in
// lower case, as Bitbucket writes UUIDs.
func WorkspaceScope(workspaceUUID string) string {
	return scopeFolder + strings.ToLower(workspaceUUID) + scopeSuffix
}

// ScopeWorkspace returns the workspace that the manifest at a key is for, "" for
// [DefaultScope]. A key that looks meant as a manifest, and that no function ever reads,
// is ErrRefused with the right name. Any other key is ErrNotManifest.
func ScopeWorkspace(key string) (workspaceUUID string, err error) {
	if key == DefaultScope {
		return "", nil
	}
	uuid := uuidPattern().FindString(key)
	if uuid = "{" + strings.ToLower(uuid) + "}"; key == WorkspaceScope(uuid) {
		return uuid, nil
	}
	if want := meant(key); want != "" {
		return "", fmt.Errorf("%w: the object %q is never read: name it %q", ErrRefused, key, want)
	}
	return "", fmt.Errorf("%w: %q", ErrNotManifest, key)
}

// meant returns the right name for a key that looks meant as a manifest, "" for any other.
func meant(key string) string {
	folder, file := path.Split(strings.TrimSpace(strings.Map(foldSpace, strings.ToLower(key))))
	folder = strings.Trim(folder, "/.")
	stem, extension, _ := strings.Cut(strings.TrimSpace(file), ".")
	stem = strings.Trim(stem, "{} ")
	if file == "" {
		return "" // the marker of a folder
	}
	below := strings.HasPrefix(folder+"/", scopeFolder) || strings.HasPrefix(folder+"/", "installation/")
	if uuid := uuidPattern().FindString(file); uuid != "" && (below || folder == "" && isManifestExtension(extension)) {
		return WorkspaceScope("{" + uuid + "}")
	}
	switch {
	case below || folder == "" && (stem == "installations" || stem == "installation"):
		return scopeFolder + "{<workspace uuid>}" + scopeSuffix
	case folder == "" && stem == "default", folder == "" && stem == "linkersync" && isManifestExtension(extension):
		return DefaultScope
	}
	return ""
}

// foldSpace turns backslashes into slashes, and what is invisible into spaces.
func foldSpace(r rune) rune {
	switch {
	case r == '\\':
		return '/'
	case unicode.IsSpace(r), !unicode.IsPrint(r):
		return ' '
	}
	return r
}

func isManifestExtension(extension string) bool {
	switch extension {
	case "", "yaml", "yml", "json":
		return true
	}
	return false
}
