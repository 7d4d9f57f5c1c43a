package installation

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/linkersync/linkersync/shared/connect"
)

// MaxName is the longest name of a secret, in characters.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
const MaxName = 512

// What stands before and behind the app key in every installation's name.
const (
	namespace = "linkersync/"
	kind      = "/installation/"
)

// ErrName is wrapped by the errors of [EncodeName] and [DecodeName].
var ErrName = errors.New("not a name of an installation's secret")

// NamePrefix is what the names of all of an app's installations start with, and
// those of no other app: IAM policies and look-ups are scoped by it.
func NamePrefix(appKey string) string {
	return namespace + escape(appKey, "-._@+") + kind
}

// IsName tells whether a secret's name is that of an installation, of any app.
func IsName(name string) bool {
	return strings.HasPrefix(name, namespace) && strings.Contains(name, kind)
}

// EncodeName returns the name of the secret that keeps an installation:
// linkersync/<app key>/installation/<client key>.
//
// A byte that Secrets Manager doesn't take in a name is written as =XX in
// hexadecimal, as in quoted-printable, and so is the equals sign itself. A slash
// stays in the client key and is escaped in the app key, so the app key can't
// reach into the client key's part. Two pairs of keys share a name only when they
// differ in the case of a workspace's UUID, and [DecodeName] gets the client key back.
//
// An empty key, and one whose name would exceed [MaxName], wrap [ErrName].
func EncodeName(appKey, clientKey string) (string, error) {
	if appKey == "" || clientKey == "" {
		return "", fmt.Errorf("name installation: empty app key or client key: %w", ErrName)
	}
	// Measured before encoding: an unverified token may bring a client key of any size.
	if len(clientKey) > MaxName {
		return "", fmt.Errorf("name installation: client key of %d bytes: %w", len(clientKey), ErrName)
	}
	name := NamePrefix(appKey) + escapeTail(escape(connect.CanonicalClientKey(clientKey), "-._@+/"))
	if len(name) > MaxName {
		return "", fmt.Errorf("name installation: client key needs a name of %d characters, %d are allowed: %w", len(name), MaxName, ErrName)
	}
	return name, nil
}

// DecodeName returns the client key that name stands for. It wraps [ErrName] for
// any name that [EncodeName] doesn't return for this app.
func DecodeName(appKey, name string) (clientKey string, err error) {
	escaped, ours := strings.CutPrefix(name, NamePrefix(appKey))
	if !ours {
		return "", fmt.Errorf("read name %q: %w", name, ErrName)
	}
	var key strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '=' {
			key.WriteByte(escaped[i])
			continue
		}
		if i+2 >= len(escaped) {
			return "", fmt.Errorf("read name %q: cut escape: %w", name, ErrName)
		}
		escapedByte, err := hex.DecodeString(escaped[i+1 : i+3])
		if err != nil {
			return "", fmt.Errorf("read name %q: bad escape: %w", name, ErrName)
		}
		key.Write(escapedByte)
		i += 2
	}
	// A name made by hand may decode and yet not be the one that a look-up asks for.
	if canonical, err := EncodeName(appKey, key.String()); err != nil || canonical != name {
		return "", fmt.Errorf("read name %q: not in the form that linkersync writes: %w", name, ErrName)
	}
	return key.String(), nil
}

// escape writes letters, digits and the bytes of plain as they are.
func escape(key, plain string) string {
	var name strings.Builder
	for i := 0; i < len(key); i++ {
		switch c := key[i]; {
		case alphanumeric(c) || strings.IndexByte(plain, c) >= 0:
			name.WriteByte(c)
		default:
			const digits = "0123456789ABCDEF"
			name.WriteByte('=')
			name.WriteByte(digits[c>>4])
			name.WriteByte(digits[c&15])
		}
	}
	return name.String()
}

// escapeTail escapes the hyphen of a name that ends with a hyphen and six
// letters or digits, such as "my-linker". Such an end looks like the random one
// that Secrets Manager adds to ARNs; AWS warns of names that have it.
func escapeTail(name string) string {
	const tail = 6
	hyphen := len(name) - tail - 1
	if hyphen < 0 || name[hyphen] != '-' {
		return name
	}
	for i := hyphen + 1; i < len(name); i++ {
		if !alphanumeric(name[i]) {
			return name
		}
	}
	return name[:hyphen] + "=2D" + name[hyphen+1:]
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
