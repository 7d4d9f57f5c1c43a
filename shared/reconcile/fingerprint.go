package reconcile

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/redact"
)

const (
	fingerprintVersion = "linkersync connection fingerprint 1"
	// fingerprintBytes makes 12 hexadecimal digits: an accidental match, and so a
	// rotation that isn't noticed, has a chance of one in 2.8e14.
	fingerprintBytes = 6
	// fingerprintRounds cost about 1 ms of a core, and 15 ms of a Lambda function
	// with 128 MB.
	fingerprintRounds = 5_000

	markPrefix    = "managed by linkersync · fp "
	markSeparator = " · "
)

// markPattern finds the mark wherever a person left it in their text, with
// whatever they made of the dots. Compiled when it is first needed: the linkers
// function never does, and a cold start would pay for it.
var markPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[\s\p{Z}·]*managed by linkersync[\s\p{Z}]*\S?[\s\p{Z}]*fp ([0-9a-f]{12})\b[\s\p{Z}·]*`)
})

// Fingerprint tells one set of credentials from another and gives neither away.
//
// It stands in the connection's description, where everybody reads it who may
// list connections. So it is not a plain hash:
//   - The salt is what identifies the connection before it exists, its project
//     and name, and the email. The same token in two connections has two
//     fingerprints, and no table serves more than one connection.
//   - PBKDF2 makes each guess cost thousands of hashes. A Bitbucket API token is
//     far too random to be guessed, but a credential of another kind, or one from
//     a list of leaked ones, might not be.
//   - It is cut to 48 bits. A match makes a guess likely and proves nothing, and
//     nothing of the token can be computed from it.
//
// Spaces around the token and the case of the email don't count: Infisical trims
// the one, and the other names the same Atlassian account.
func Fingerprint(projectID, name, email string, token redact.Secret) (string, error) {
	salt := strings.Join([]string{fingerprintVersion, projectID, name, strings.ToLower(email)}, "\x00")
	sum, err := pbkdf2.Key(sha256.New, strings.TrimSpace(token.Reveal()), []byte(salt), fingerprintRounds, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("compute fingerprint of connection %q: %w", name, err)
	}
	return hex.EncodeToString(sum[:fingerprintBytes]), nil
}

// marked is a description that ends with the mark.
func marked(text, fingerprint string) string {
	if text == "" {
		return markPrefix + fingerprint
	}
	return text + markSeparator + markPrefix + fingerprint
}

// unmarked splits a description into a person's text and the fingerprint in the
// mark, the last one if there are several. Without a mark it isn't ours.
func unmarked(description string) (text, fingerprint string, ours bool) {
	marks := markPattern().FindAllStringSubmatch(description, -1)
	if marks == nil {
		return tidy(description), "", false
	}
	return tidy(markPattern().ReplaceAllString(description, " ")), marks[len(marks)-1][1], true
}

// tidy takes off what the mark's separator would blend with, and what Infisical
// trims (JavaScript does that to a byte order mark, too).
func tidy(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return r == '·' || r == '\ufeff' || unicode.IsSpace(r) || unicode.Is(unicode.Z, r)
	})
}

// maxText is what the mark leaves of a description, in UTF-16 units, which is
// what Infisical counts.
func maxText() int {
	return infisical.MaxDescription - units(markSeparator+markPrefix) - 2*fingerprintBytes
}

func units(text string) int { return len(utf16.Encode([]rune(text))) }
