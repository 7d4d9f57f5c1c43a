package reconcile

import (
	"regexp"
	"sync"
)

// syncMarkPattern finds the mark of a secret sync. It has no fingerprint: all of a
// sync's settings can be read back. docs/decisions/0010-the-mark-of-a-connection.md
// says why a description holds it. A mark without an owner counts only where linkersync
// writes it, at the end: anywhere else the words may be a person's.
var syncMarkPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[\s\p{Z}·]*managed by linkersync()()[\s\p{Z}·]*owner ([\w./~-]{1,64})[\s\p{Z}·]*|(?:^|·)[\s\p{Z}·]*managed by linkersync[\s\p{Z}·]*$`)
})

// unmarkedSync is [unmarked] for the description of a sync.
func unmarkedSync(description string) (text string, m mark, ours bool) {
	return withoutMark(syncMarkPattern(), description)
}

// SyncOwner is [ConnectionOwner] for the description of a sync.
func SyncOwner(description string) (owner string, ours bool) {
	_, m, ours := unmarkedSync(description)
	return m.owner, ours
}
