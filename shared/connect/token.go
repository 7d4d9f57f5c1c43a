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
	raw       string
	signed    string // header and claims, the text that the signature covers
	signature []byte
	claims    claims
}

// Made once, because making them takes a tenth of a verification. Both are safe
// for concurrent use and never changed.
var (
	strictEncoding = base64.RawURLEncoding.Strict()
	strictParser   = jwt.NewParser(jwt.WithStrictDecoding())
)

// These never leave the package: a caller gets a Reason.
var (
	errSegment   = errors.New("not a segment of a token")
	errExtension = errors.New("header has an extension")
)

// parseToken takes a token apart and refuses each form that a lenient parser would
// accept. It looks at no secret.
func parseToken(raw string) (token, Reason) {
	if len(raw) > MaxTokenLength {
		return token{}, ReasonTooLong
	}
	header, rest, _ := strings.Cut(raw, ".")
	body, signature, complete := strings.Cut(rest, ".")
	if reason := checkHeader(header); reason != "" {
		return token{}, reason
	}
	if !complete {
		return token{}, ReasonMalformed
	}
	t := token{raw: raw, signed: strings.TrimSuffix(raw, "."+signature)}
	bodyJSON, err := decodeSegment(body)
	if err != nil {
		return token{}, ReasonMalformed
	}
	if t.claims, err = parseClaims(bodyJSON); err != nil {
		return token{}, ReasonMalformed
	}
	if t.signature, err = decodeSegment(signature); err != nil {
		return token{}, ReasonMalformed
	}
	return t, ""
}

// checkHeader accepts HS256 only. kid, jku, jwk and the like are ignored: the one
// key that counts is the installation's shared secret.
func checkHeader(segment string) Reason {
	header, err := decodeSegment(segment)
	if err != nil {
		return ReasonMalformed
	}
	var algorithm string
	err = eachMember(header, func(name, value []byte) error {
		switch string(name) {
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
	case algorithm != jwt.SigningMethodHS256.Alg():
		return ReasonAlgorithm
	}
	return ""
}

// decodeSegment refuses padding, other alphabets, and stray bits in the last
// character. Go's decoder skips line breaks, so they are refused here.
func decodeSegment(segment string) ([]byte, error) {
	if segment == "" || strings.IndexByte(segment, '\r') >= 0 || strings.IndexByte(segment, '\n') >= 0 {
		return nil, errSegment
	}
	return strictEncoding.DecodeString(segment)
}

// isSignedWith never accepts an empty secret: an HMAC with an empty key is one that
// anybody can compute.
func (t token) isSignedWith(secret redact.Secret) bool {
	return !secret.IsZero() && jwt.SigningMethodHS256.Verify(t.signed, t.signature, []byte(secret.Reveal())) == nil
}
