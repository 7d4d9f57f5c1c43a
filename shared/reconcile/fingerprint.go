package reconcile

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

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
)

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
