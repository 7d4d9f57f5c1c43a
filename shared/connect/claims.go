package connect

import (
	"encoding/json"
	"strconv"
)

// claims are the claims that are used. A wrong one is kept as such, because a later
// check refuses it with its own reason. aud and sub are not among them: they must not
// select the installation.
type claims struct {
	// issuer and hash are empty when they are missing or not strings.
	issuer string
	hash   string

	expiresAt, issuedAt, notBefore date
}

func parseClaims(data []byte) (claims, error) {
	var c claims
	err := eachMember(data, func(name string, value json.RawMessage) error {
		switch name {
		case "iss":
			c.issuer, _ = stringValue(value)
		case "qsh":
			c.hash, _ = stringValue(value)
		case "exp":
			c.expiresAt = parseDate(value)
		case "iat":
			c.issuedAt = parseDate(value)
		case "nbf":
			c.notBefore = parseDate(value)
		}
		return nil
	})
	return c, err
}

// date is a NumericDate claim, in whole seconds since 1970.
type date struct {
	present, valid bool
	seconds        int64
}

// maxDate is the end of the year 9999, the last that time.Time can print.
const maxDate = 253402300799

func parseDate(raw json.RawMessage) date {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < 0 || seconds > maxDate {
		return date{present: true}
	}
	return date{present: true, valid: true, seconds: int64(seconds)}
}
