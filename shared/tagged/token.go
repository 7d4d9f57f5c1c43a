package tagged

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
)

// ErrToken says that a secret's value is not a token's, see docs/connections.md.
var ErrToken = errors.New("not a Bitbucket token as docs/connections.md describes it")

// Token is a tagged secret, read and checked.
type Token struct {
	// Secret is its name.
	Secret  string
	Desired reconcile.DesiredConnection
	// Organization is a sub-organization's slug; empty for the configured one.
	Organization string
	// Uses say what the token is for, as in a manifest.
	Uses []string
	// Expires is zero when the secret doesn't say.
	Expires time.Time
	// Value is the whole secret, to tell later whether it has changed.
	Value redact.Secret
}

// document is the secret's value. Token is a plain string only between here and
// parseToken's end.
type document struct {
	Email       string `json:"email"`
	Token       string `json:"token"`
	Connection  string `json:"connection"`
	ProjectID   string `json:"project_id"`
	Description string `json:"description"`
	ExpiresAt   string `json:"expires_at"`
	// Uses say what the token is for: sync, scan.
	Uses []string `json:"uses"`
	// Organization is the slug of a sub-organization, where the stack serves several.
	Organization string `json:"organization"`
}

// Read reads the current version of a secret.
func (r Registry) Read(ctx context.Context, secret string) (Token, error) {
	value, err := installation.ReadSecret(ctx, r.API, secret)
	if err != nil {
		return Token{}, err
	}
	t, err := parseToken(value)
	if err != nil {
		return Token{}, fmt.Errorf("read secret %s: %w", secret, err)
	}
	t.Secret = secret
	return t, nil
}

// parseToken is strict: a misspelt expires_at would mean that nobody is warned.
// Its errors hold nothing of the value, not even the names of its members, since
// somebody may have pasted the token anywhere in it.
func parseToken(value redact.Secret) (Token, error) {
	decoder := json.NewDecoder(bytes.NewBufferString(value.Reveal()))
	decoder.DisallowUnknownFields()
	var d document
	if err := decoder.Decode(&d); err != nil {
		return Token{}, fmt.Errorf("%w: want a JSON object with the strings email, token, connection, and optionally project_id, organization, description, expires_at, the list uses, and nothing else", ErrToken)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Token{}, fmt.Errorf("%w: something follows its JSON object", ErrToken)
	}
	desired := reconcile.DesiredConnection{
		Name: d.Connection, ProjectID: d.ProjectID, Description: d.Description,
		Email: d.Email, Token: redact.New(input.Trim(d.Token)),
	}
	problems := checkMembers(desired)
	var expires time.Time
	if d.ExpiresAt != "" {
		var err error
		if expires, err = ParseExpiry(d.ExpiresAt); err != nil {
			problems = append(problems, "expires_at: "+err.Error())
		}
	}
	if d.Organization != "" && !infisical.IsSlug(d.Organization) {
		problems = append(problems, "organization: want the slug of a sub-organization, or leave it out")
	}
	for i, use := range d.Uses {
		if !slices.Contains(manifest.Uses(), use) || slices.Contains(d.Uses[:i], use) {
			problems = append(problems, "uses: want a list of sync and scan, each once at most")
			break
		}
	}
	if len(problems) > 0 {
		return Token{}, fmt.Errorf("%w: %s", ErrToken, strings.Join(problems, "; "))
	}
	return Token{Desired: desired, Organization: d.Organization, Uses: d.Uses, Expires: expires, Value: value}, nil
}

// checkMembers applies Infisical's rules, and says in words of its own which are
// broken: Infisical's quote the value.
func checkMembers(d reconcile.DesiredConnection) []string {
	var problems []string
	err := infisical.ValidateConnection(infisical.NewConnection{
		Name: d.Name, ProjectID: d.ProjectID, Description: d.Description,
		Credentials: infisical.Credentials{Email: d.Email, APIToken: d.Token},
	})
	if invalid, ok := errors.AsType[*infisical.InputError](err); ok {
		for _, issue := range invalid.Issues {
			problems = append(problems, memberRule(issue.Path))
		}
	}
	if len(utf16.Encode([]rune(d.Description))) > manifest.MaxDescriptionLength || strings.Contains(d.Description, "managed by linkersync") {
		problems = append(problems, memberRule("description"))
	}
	return problems
}

// memberRule says what is wanted of the member that Infisical knows by path.
func memberRule(path string) string {
	switch path {
	case "name":
		return "connection: want 1 to 64 of a-z, 0-9 and single dashes between them"
	case "projectId":
		return "project_id: want the project's ID, or leave it out"
	case "credentials.email":
		return "email: want the Atlassian account's address"
	case "credentials.apiToken":
		return "token: want the API token alone, 1 to 255 characters on one line"
	case "description":
		return fmt.Sprintf("description: want at most %d characters, and linkersync's mark not among them, which is added by itself", manifest.MaxDescriptionLength)
	}
	return path + ": not as Infisical wants it"
}

// ParseExpiry reads a time, or a day, which then counts from its first second on:
// Atlassian shows a day and no hour. The error says what is wanted.
func ParseExpiry(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("want a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z")
}
