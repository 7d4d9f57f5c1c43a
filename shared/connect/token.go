package connect

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/linkersync/linkersync/shared/redact"
)

// Token is the token of a request, read and not verified: anybody may have written it.
// Only [Verifier.Parse] makes one, and the zero value verifies with no secret.
type Token struct {
	request   Request
	signed    string // header and claims, the text that the signature covers
	signature []byte
	claims    claims
}

// ClientKey returns the installation that the token claims to be from. It is for
// finding the installation's secrets, and proves nothing.
func (t Token) ClientKey() string { return t.claims.issuer }

// strictEncoding refuses padding, other alphabets, and stray bits in the last
// character. It is safe for concurrent use.
var strictEncoding = base64.RawURLEncoding.Strict()

// These errors stay inside the package. A caller gets a [Reason].
var (
	errSegment   = errors.New("not a segment of a token")
	errExtension = errors.New("header has an extension")
)

// parseToken reads a token and refuses each form that a lenient parser accepts.
func parseToken(raw string) (Token, Reason) {
	if len(raw) > MaxTokenLength {
		return Token{}, ReasonTooLong
	}
	header, rest, _ := strings.Cut(raw, ".")
	body, signature, complete := strings.Cut(rest, ".")
	if reason := checkHeader(header); reason != "" {
		return Token{}, reason
	}
	if !complete {
		return Token{}, ReasonMalformed
	}
	t := Token{signed: strings.TrimSuffix(raw, "."+signature)}
	bodyJSON, err := decodeSegment(body)
	if err != nil {
		return Token{}, ReasonMalformed
	}
	if t.claims, err = parseClaims(bodyJSON); err != nil {
		return Token{}, ReasonMalformed
	}
	if t.signature, err = decodeSegment(signature); err != nil {
		return Token{}, ReasonMalformed
	}
	return t, ""
}

// checkHeader accepts HS256 only. It ignores kid, jku, jwk and the like: the only key
// is the installation's shared secret.
func checkHeader(segment string) Reason {
	header, err := decodeSegment(segment)
	if err != nil {
		return ReasonMalformed
	}
	var algorithm string
	err = eachMember(header, func(name string, value json.RawMessage) error {
		switch name {
		case "alg":
			algorithm, _ = stringValue(value)
		case "crit", "b64":
			// RFC 7515 4.1.11: a receiver that does not know an extension that is marked
			// critical must refuse the token. RFC 7797: b64 changes what is signed.
			return errExtension
		}
		return nil
	})
	switch {
	case err != nil:
		return ReasonMalformed
	case algorithm != jwt.SigningMethodHS256.Alg():
		return ReasonAlgorithm
	}
	return ""
}

// decodeSegment also refuses line breaks, which Go's decoder skips.
func decodeSegment(segment string) ([]byte, error) {
	if segment == "" || strings.ContainsAny(segment, "\r\n") {
		return nil, errSegment
	}
	return strictEncoding.DecodeString(segment)
}

// isSignedWith never accepts an empty secret: anybody can compute an HMAC with an
// empty key.
func (t Token) isSignedWith(secret redact.Secret) bool {
	return !secret.IsZero() && jwt.SigningMethodHS256.Verify(t.signed, t.signature, []byte(secret.Reveal())) == nil
}
