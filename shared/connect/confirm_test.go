package connect

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The second reader has to refuse by itself what the first one refuses, or it
// would be no second reader. So it is given what the first would never let through.
func TestSecondReaderRefusesByItself(t *testing.T) {
	t.Parallel()
	const header, body = `{"alg":"HS256"}`, `{"iss":"x"}`
	now := time.Unix(1_700_000_030, 0)
	at := func(offset int64) date { return date{present: true, valid: true, seconds: now.Unix() + offset} }
	good := claims{issuer: "x", issuedAt: at(-30), expiresAt: at(3570)}
	tests := map[string]struct {
		header, body, signature string
		change                  func(*claims)
		want                    bool
	}{
		"good":                    {header, body, "c2ln", func(*claims) {}, true},
		"other algorithm":         {`{"alg":"HS512"}`, body, "c2ln", func(*claims) {}, false},
		"no algorithm":            {`{"alg":"none"}`, body, "c2ln", func(*claims) {}, false},
		"unknown algorithm":       {`{"alg":"HS257"}`, body, "c2ln", func(*claims) {}, false},
		"broken header":           {`{"alg":"HS256","x":nul}`, body, "c2ln", func(*claims) {}, false},
		"broken claims":           {header, `{"iss":"x","y":[1,]}`, "c2ln", func(*claims) {}, false},
		"stray bits":              {header, body, "c2lnMR", func(*claims) {}, false},
		"four parts":              {header, body, "c2ln.c2ln", func(*claims) {}, false},
		"no exp":                  {header, body, "c2ln", func(c *claims) { c.expiresAt = date{} }, false},
		"exp not a date":          {header, body, "c2ln", func(c *claims) { c.expiresAt = date{present: true} }, false},
		"expired a minute ago":    {header, body, "c2ln", func(c *claims) { c.expiresAt = at(-60) }, false},
		"expired within leeway":   {header, body, "c2ln", func(c *claims) { c.expiresAt = at(-59) }, true},
		"iat not a date":          {header, body, "c2ln", func(c *claims) { c.issuedAt = date{present: true} }, false},
		"issued beyond leeway":    {header, body, "c2ln", func(c *claims) { c.issuedAt = at(61) }, false},
		"issued within leeway":    {header, body, "c2ln", func(c *claims) { c.issuedAt = at(60) }, true},
		"not valid yet":           {header, body, "c2ln", func(c *claims) { c.notBefore = at(61) }, false},
		"valid within the leeway": {header, body, "c2ln", func(c *claims) { c.notBefore = at(60) }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encode := base64.RawURLEncoding.EncodeToString
			read := token{raw: encode([]byte(test.header)) + "." + encode([]byte(test.body)) + "." + test.signature, claims: good}
			test.change(&read.claims)
			if got := read.isConfirmed(now); got != test.want {
				t.Errorf("confirmed: %v, want %v", got, test.want)
			}
		})
	}
}

// The claims that golang-jwt checks are the ones that were read, not the token's.
func TestSecondReaderChecksTheClaimsThatAreUsed(t *testing.T) {
	t.Parallel()
	var read jwt.Claims = &readClaims{claims{issuer: "x", expiresAt: date{present: true, valid: true, seconds: 5}}}
	issuer, _ := read.GetIssuer()
	expires, err := read.GetExpirationTime()
	if issuer != "x" || err != nil || expires.Unix() != 5 {
		t.Errorf("golang-jwt sees issuer %q and exp %v (%v)", issuer, expires, err)
	}
	if subject, _ := read.GetSubject(); subject != "" {
		t.Errorf("golang-jwt sees the subject %q", subject)
	}
	if audience, _ := read.GetAudience(); audience != nil {
		t.Errorf("golang-jwt sees the audience %q", audience)
	}
}
