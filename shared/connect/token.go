package connect

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"github.com/linkersync/linkersync/shared/redact"
)

// token is a token whose form is right. Nothing in it can be trusted yet.
type token struct {
	signed    string // header and claims, the text that the signature covers
	signature []byte
	claims    claims
}

// parseToken takes a token apart and refuses every form that a lenient parser
// would accept. It looks at no secret.
func parseToken(raw string) (token, Reason) {
	if len(raw) > MaxTokenLength {
		return token{}, ReasonTooLong
	}
	header, rest, _ := strings.Cut(raw, ".")
	body, signature, _ := strings.Cut(rest, ".")
	// Go's base64 decoder skips line breaks, so the alphabet is checked here. A third
	// dot is not in it either.
	if !isBase64URL(header) || !isBase64URL(body) {
		return token{}, ReasonMalformed
	}
	if reason := checkHeader(header); reason != "" {
		return token{}, reason
	}
	if !isBase64URL(signature) {
		return token{}, ReasonMalformed
	}

	t := token{signed: raw[:len(header)+1+len(body)]}
	parsed, _, err := jwt.NewParser(jwt.WithStrictDecoding()).ParseUnverified(raw, &t.claims)
	if err != nil || !t.claims.isObject {
		return token{}, ReasonMalformed
	}
	if parsed.Method != jwt.SigningMethodHS256 {
		return token{}, ReasonAlgorithm
	}
	t.signature = parsed.Signature
	return t, ""
}

// isBase64URL tells whether s is not empty and in the alphabet of base64url
// without padding.
func isBase64URL(s string) bool {
	for i := range len(s) {
		c := s[i]
		if ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// checkHeader accepts HS256 only. kid, jku, jwk and the like are ignored: the one
// key that counts is the installation's shared secret.
func checkHeader(segment string) Reason {
	header, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return ReasonMalformed
	}
	var algorithm string
	err = eachMember(header, func(name string, value []byte) error {
		switch name {
		case "alg":
			algorithm, _ = stringValue(value)
		case "crit", "b64":
			// RFC 7515 4.1.11: whoever does not know an extension that is marked critical
			// must refuse; RFC 7797's b64 changes what is signed.
			return errExtension
		}
		return nil
	})
	switch {
	case err != nil:
		return ReasonMalformed
	case algorithm != "HS256":
		return ReasonAlgorithm
	}
	return ""
}

var errExtension = errors.New("header has an extension")

// isSignedWith never accepts an empty secret: an HMAC with an empty key is one that
// anybody can compute.
func (t token) isSignedWith(secret redact.Secret) bool {
	return !secret.IsZero() && jwt.SigningMethodHS256.Verify(t.signed, t.signature, []byte(secret.Reveal())) == nil
}
