package connect

import (
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// claims are the claims we use, each kept as it was met, right or wrong: which
// layer of the verification refuses depends on the claim. aud and sub are not
// among them, because they must not select the tenant.
type claims struct {
	// isObject is false until a JSON object was read: golang-jwt accepts null.
	isObject bool
	// issuer and hash are empty when they are missing or not strings.
	issuer string
	hash   string

	expiresAt, issuedAt, notBefore date
}

// UnmarshalJSON implements json.Unmarshaler, strictly: see [eachMember].
func (c *claims) UnmarshalJSON(data []byte) error {
	c.isObject = true
	return eachMember(data, func(name string, value []byte) error {
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

// numeric returns what golang-jwt's validator expects: nil for a missing claim.
func (d date) numeric() (*jwt.NumericDate, error) {
	if !d.present {
		return nil, nil
	}
	if !d.valid {
		return nil, jwt.ErrInvalidType
	}
	return &jwt.NumericDate{Time: time.Unix(d.seconds, 0)}, nil
}

// The methods of jwt.Claims.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expiresAt.numeric() }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.issuedAt.numeric() }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore.numeric() }
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return "", nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }
