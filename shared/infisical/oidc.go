package infisical

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

const (
	// maxIDToken is far above GitHub's and Bitbucket's tokens of about 2 KB.
	maxIDToken = 16 << 10
	// maxClaim bounds each claim that an error prints.
	maxClaim = 200
)

// OIDCAuth logs in with an ID token of the CI: GitHub's, or a Bitbucket step's.
// Source: https://infisical.com/docs/documentation/platform/identities/oidc-auth/general
type OIDCAuth struct {
	// IdentityID is the machine identity's UUID.
	IdentityID string
	// Token fetches an ID token; it is called once for each login.
	Token func(ctx context.Context) (redact.Secret, error)
}

func (o OIDCAuth) proof(ctx context.Context, _ time.Time) (proof, error) {
	issues := appendIssue(nil, "identity_id", checkID(o.IdentityID))
	if o.Token == nil {
		issues = append(issues, Issue{Path: "token", Message: "has no source"})
	}
	if len(issues) > 0 {
		return proof{}, &InputError{What: "OIDC login", Issues: issues}
	}
	token, err := o.Token(ctx)
	if err != nil {
		return proof{}, fmt.Errorf("fetch the ID token: %w", err)
	}
	claims, err := readClaims(token)
	if err != nil {
		return proof{}, &InputError{What: "OIDC login", Issues: []Issue{{Path: "token", Message: err.Error()}}}
	}
	return proof{
		method:     "oidc-auth",
		repeatable: true,
		body:       map[string]string{"identityId": o.IdentityID, "jwt": token.Reveal()},
		secrets:    []redact.Secret{token},
		name:       "OIDC as identity " + o.IdentityID,
		presented:  claims.String(),
	}, nil
}

// DescribeIDToken says what sub, aud and iss an ID token has, for the error of a server
// that refused it. Nothing of the token is verified, and its signature is not shown.
func DescribeIDToken(token redact.Secret) string {
	claims, err := readClaims(token)
	if err != nil {
		return "the token " + err.Error()
	}
	return claims.String()
}

// claims are the parts of an ID token that an identity's configuration is
// compared with. Nothing has verified them: they are for a person's eyes.
type claims struct {
	Subject  claim `json:"sub"`
	Audience claim `json:"aud"`
	Issuer   claim `json:"iss"`
}

func (c claims) String() string {
	return fmt.Sprintf("the token has sub %s, aud %s, iss %s", c.Subject, c.Audience, c.Issuer)
}

// claim is the text of one claim, of whatever type.
type claim string

// UnmarshalJSON takes any value: aud may be a text or a list of them.
func (c *claim) UnmarshalJSON(data []byte) error {
	*c = claim(clean(string(data), maxClaim))
	return nil
}

func (c claim) String() string {
	if c == "" {
		return "missing"
	}
	return string(c)
}

// readClaims decodes the middle part of a JWT. Its errors never hold any of it.
func readClaims(token redact.Secret) (claims, error) {
	raw := strings.TrimSpace(token.Reveal())
	parts := strings.Split(raw, ".")
	switch {
	case raw == "":
		return claims{}, errors.New("is empty; does the job have permission to get one?")
	case len(raw) > maxIDToken:
		return claims{}, fmt.Errorf("is longer than %d bytes", maxIDToken)
	case len(parts) != 3:
		return claims{}, fmt.Errorf("is not a JWT: it has %d parts and not 3", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claims{}, errors.New("is not a JWT: its second part is not base64url")
	}
	var decoded claims
	if err := json.Unmarshal(payload, &decoded); err != nil {
		return claims{}, errors.New("is not a JWT: its second part is not a JSON object")
	}
	return decoded, nil
}
