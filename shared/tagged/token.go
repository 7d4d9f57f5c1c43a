package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// errToken: the secret's value is not a token's, see docs/connections.md.
var errToken = errors.New("not a Bitbucket token as docs/connections.md describes it")

// token is a tagged secret, read and checked.
type token struct {
	// secret is its name.
	secret  string
	desired reconcile.DesiredConnection
	// organization is a sub-organization's slug; empty for the configured one.
	organization string
	// expires is zero when the secret doesn't say.
	expires time.Time
	// value is the whole secret, to tell later whether it has changed.
	value redact.Secret
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
	// Organization is the slug of a sub-organization, where the stack serves several.
	Organization string `json:"organization"`
}

// readToken reads the current version of a secret.
func (r registry) readToken(ctx context.Context, secret string) (token, error) {
	value, err := installation.ReadSecret(ctx, r.api, secret)
	if err != nil {
		return token{}, err
	}
	t, err := parseToken(value)
	if err != nil {
		return token{}, fmt.Errorf("read secret %s: %w", secret, err)
	}
	t.secret = secret
	return t, nil
}

// parseToken is strict: a misspelt expires_at would mean that nobody is warned.
// Its errors hold nothing of the value, not even the names of its members, since
// somebody may have pasted the token anywhere in it.
func parseToken(value redact.Secret) (token, error) {
	decoder := json.NewDecoder(bytes.NewBufferString(value.Reveal()))
	decoder.DisallowUnknownFields()
	var d document
	if err := decoder.Decode(&d); err != nil {
		return token{}, fmt.Errorf("%w: want a JSON object with the strings email, token, connection, and optionally project_id, organization, description, expires_at, and nothing else", errToken)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return token{}, fmt.Errorf("%w: something follows its JSON object", errToken)
	}
	expires, problem := parseExpiry(d.ExpiresAt)
	desired := reconcile.DesiredConnection{
		Name: d.Connection, ProjectID: d.ProjectID, Description: d.Description,
		Email: d.Email, Token: redact.New(input.Trim(d.Token)),
	}
	problems := append(checkMembers(desired), problem...)
	if d.Organization != "" && !infisical.IsSlug(d.Organization) {
		problems = append(problems, "organization: want the slug of a sub-organization, or leave it out")
	}
	if len(problems) > 0 {
		return token{}, fmt.Errorf("%w: %s", errToken, strings.Join(problems, "; "))
	}
	return token{desired: desired, organization: d.Organization, expires: expires, value: value}, nil
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

// parseExpiry reads a time, or a day, which then counts from its first second on:
// Atlassian shows a day and no hour.
func parseExpiry(text string) (at time.Time, problem []string) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, []string{"expires_at: want a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z"}
}
