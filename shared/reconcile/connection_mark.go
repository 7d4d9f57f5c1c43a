package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"

	"github.com/linkersync/linkersync/shared/infisical"
)

const (
	markBeginning = "managed by linkersync"
	markSeparator = " · "
	markPrefix    = markBeginning + markSeparator + "fp "
	markOwner     = markSeparator + "owner "
	// hashDigits are kept of credentialsHash. A change that isn't noticed has a
	// chance of one in 4e9.
	hashDigits = 8
	// maxOwner leaves most of a description to people. A longer owner is cut, with
	// hashDigits of its hash at the end.
	maxOwner = 40
	// stackPrefix tells the connections of a stack's tagged secrets from those of a
	// manifest with the same app.
	stackPrefix = "stack/"
)

// mark is what linkersync adds to the description of a connection or a secret sync that
// it keeps.
// docs/decisions/0010-the-mark-of-a-connection.md says why it is kept there.
type mark struct {
	// fingerprint is of the credentials that were written last; empty in a sync's mark.
	fingerprint string
	// hash begins credentialsHash as Infisical answered that write. It is empty when
	// the server has none, or when the second write did not happen.
	hash string
	// owner is the manifest's or the stack's; empty in marks of older versions.
	owner string
}

// markPattern finds the mark wherever a person left it in their text, with
// whatever they made of the dots. Compiled when it is first needed: the linkers
// function never does, and a cold start would pay for it.
var markPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[\s\p{Z}·]*managed by linkersync[\s\p{Z}]*\S?[\s\p{Z}]*fp ([0-9a-f]{12})\b(?: ([0-9a-f]{8})\b)?(?:[\s\p{Z}·]*owner ([\w./~-]{1,64}))?[\s\p{Z}·]*`)
})

// StackOwner is the owner of the connections that the function of the app's stack
// writes.
func StackOwner(app string) string { return stackPrefix + app }

// sameOwner takes an app's manifest and its stack for one owner: both may name one
// connection, by one secret.
func sameOwner(a, b string) bool {
	return strings.TrimPrefix(shortOwner(a), stackPrefix) == strings.TrimPrefix(shortOwner(b), stackPrefix)
}

func shortOwner(owner string) string {
	if len(owner) <= maxOwner {
		return owner
	}
	sum := sha256.Sum256([]byte(owner))
	return owner[:maxOwner-hashDigits-1] + "~" + hex.EncodeToString(sum[:hashDigits/2])
}

// shortHash is what a mark keeps of credentialsHash.
func shortHash(credentialsHash string) string {
	if len(credentialsHash) < hashDigits {
		return ""
	}
	return strings.ToLower(credentialsHash[:hashDigits])
}

func (m mark) String() string {
	text := markBeginning
	if m.fingerprint != "" {
		text = markPrefix + m.fingerprint
	}
	if m.hash != "" {
		text += " " + m.hash
	}
	if m.owner != "" {
		text += markOwner + shortOwner(m.owner)
	}
	return text
}

// describe is a description that ends with the mark.
func (m mark) describe(text string) string {
	if text == "" {
		return m.String()
	}
	return text + markSeparator + m.String()
}

// unmarked splits a description into a person's text and the mark in it, the last
// one if there are several. Without a mark linkersync didn't make the connection.
func unmarked(description string) (text string, m mark, ours bool) {
	return withoutMark(markPattern(), description)
}

func withoutMark(pattern *regexp.Regexp, description string) (text string, m mark, ours bool) {
	marks := pattern.FindAllStringSubmatch(description, -1)
	if marks == nil {
		return tidy(description), mark{}, false
	}
	last := marks[len(marks)-1]
	return tidy(pattern.ReplaceAllString(description, " ")), mark{last[1], last[2], last[3]}, true
}

// ConnectionOwner returns the owner in a description's mark, and whether linkersync
// keeps the connection. Marks of older versions have no owner.
func ConnectionOwner(description string) (owner string, ours bool) {
	_, m, ours := unmarked(description)
	return m.owner, ours
}

// LastWriter says who wrote a connection's credentials last, as far as its mark and
// credentialsHash tell. Infisical tells it in its audit log only.
func LastWriter(row infisical.Connection) string {
	_, m, ours := unmarked(row.Description)
	switch current := shortHash(row.CredentialsHash); {
	case !ours, m.hash == "", current == "":
		return "unknown"
	case m.hash != current:
		return "somebody else, in Infisical"
	case m.owner == "":
		return "linkersync"
	}
	return "linkersync (" + m.owner + ")"
}

// tidy takes off what the mark's separator would blend with, and what Infisical
// trims (JavaScript does that to a byte order mark, too).
func tidy(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return r == '·' || r == '\ufeff' || unicode.IsSpace(r) || unicode.Is(unicode.Z, r)
	})
}

// maxText is what the mark leaves of a description, in UTF-16 units, which is
// what Infisical counts. A connection without an owner has room for 204.
func maxText(owner string) int {
	whole := mark{strings.Repeat("0", 2*fingerprintBytes), strings.Repeat("0", hashDigits), owner}
	return infisical.MaxDescription - units(markSeparator+whole.String())
}

func units(text string) int { return len(utf16.Encode([]rune(text))) }
