package connect

import "strconv"

// claims are the claims we use, each kept as it was met, right or wrong: which
// layer of the verification refuses depends on the claim. aud and sub are not
// among them, because they must not select the tenant.
type claims struct {
	// issuer and hash are empty when they are missing or not strings.
	issuer string
	hash   string

	expiresAt, issuedAt, notBefore date
}

func parseClaims(data []byte) (claims, error) {
	var c claims
	err := eachMember(data, func(name, value []byte) error {
		switch string(name) {
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

// maxDate is the end of the year 9999. Beyond it lie only overflows.
const maxDate = 253402300799

func parseDate(raw []byte) date {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < 0 || seconds > maxDate {
		return date{present: true}
	}
	return date{present: true, valid: true, seconds: int64(seconds)}
}
