package infisical

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// The lengths count UTF-16 units, as Infisical's server does.
const (
	maxSlug     = 64 // older servers: 32
	maxAddress  = 255
	maxAPIToken = 255
	maxPlain    = 1024
	// MaxDescription is one less than the API documents: its database column has
	// 255 characters, and the 256th is answered with a bare 500.
	MaxDescription = 255
)

// ValidateConnection applies Infisical's rules and reports everything that breaks
// one as an [InputError]. Nothing that passes is answered with a 422 or, as
// Infisical does for some malformed input, with a 500.
//
// It is stricter in two things. A name with spaces around it is refused, because
// Infisical would store another one; and so are texts that its database can't hold.
func ValidateConnection(c NewConnection) error {
	issues := appendIssue(nil, "name", checkSlug(c.Name))
	issues = appendIssue(issues, "description", checkDescription(c.Description))
	issues = appendIssue(issues, "projectId", checkProjectID(c.ProjectID))
	issues = append(issues, checkCredentials(c.Credentials)...)
	if len(issues) > 0 {
		return &InputError{What: "connection", Issues: issues}
	}
	return nil
}

func validateChange(id string, c ConnectionChange) error {
	issues := appendIssue(nil, "id", checkID(id))
	if c.Name == nil && c.Description == nil && c.Credentials == nil {
		issues = append(issues, Issue{Message: "nothing is to be changed"})
	}
	if c.Name != nil {
		issues = appendIssue(issues, "name", checkSlug(*c.Name))
	}
	if c.Description != nil {
		issues = appendIssue(issues, "description", checkDescription(*c.Description))
	}
	if c.Credentials != nil {
		issues = append(issues, checkCredentials(*c.Credentials)...)
	}
	if len(issues) > 0 {
		return &InputError{What: "change of a connection", Issues: issues}
	}
	return nil
}

func checkCredentials(c Credentials) []Issue {
	issues := appendIssue(nil, "credentials.email", checkEmail(c.Email))
	return appendIssue(issues, "credentials.apiToken", checkAPIToken(c.APIToken.Reveal()))
}

// appendIssue adds a problem if there is one. The checks return it as a text that
// follows the field's name, or "".
func appendIssue(issues []Issue, path, problem string) []Issue {
	if problem == "" {
		return issues
	}
	return append(issues, Issue{Path: path, Message: problem})
}

func checkSlug(slug string) string {
	switch {
	case slug == "":
		return "is empty"
	case !isSlug(slug):
		return quote(slug) + " may hold only a-z, 0-9 and single dashes between them"
	case len(slug) > maxSlug:
		return fmt.Sprintf("has %d characters, at most %d are allowed", len(slug), maxSlug)
	default:
		return ""
	}
}

func checkDescription(description string) string {
	switch {
	case !utf8.ValidString(description) || strings.ContainsRune(description, 0):
		return "is not text: it holds a NUL character or invalid UTF-8"
	case units(strings.TrimSpace(description)) > MaxDescription:
		return fmt.Sprintf("has %d characters, at most %d are allowed", units(strings.TrimSpace(description)), MaxDescription)
	default:
		return ""
	}
}

func checkEmail(email string) string {
	switch {
	case email == "":
		return "is empty"
	case len(email) > maxAddress:
		return fmt.Sprintf("has %d characters, at most %d are allowed", len(email), maxAddress)
	case !isEmail(email):
		return quote(email) + " is not an email address that Infisical takes"
	default:
		return ""
	}
}

// checkAPIToken never quotes the token.
func checkAPIToken(token string) string {
	if problem := checkPlain(token); problem != "" {
		return problem
	}
	if length := units(strings.TrimSpace(token)); length > maxAPIToken {
		return fmt.Sprintf("has %d characters, at most %d are allowed", length, maxAPIToken)
	}
	return ""
}

// checkPlain is for values that Infisical takes as they are, after trimming them.
// It never quotes its value, which may be a secret.
func checkPlain(value string) string {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "is empty"
	case len(value) > maxPlain:
		return fmt.Sprintf("is longer than %d bytes", maxPlain)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "holds control characters or invalid UTF-8; is it the right value, alone?"
	default:
		return ""
	}
}

func checkProjectID(id string) string {
	if id == "" {
		return ""
	}
	if strings.ContainsFunc(id, func(char rune) bool { return char <= ' ' || char > '~' }) || len(id) > maxAddress {
		return quote(id) + " is not a project's ID"
	}
	return ""
}

func checkID(id string) string {
	if !isUUID(id) {
		return quote(id) + " is not a UUID"
	}
	return ""
}

// checkRegion applies Infisical's own rule, and refuses the regions of China
// first: their STS is on amazonaws.com.cn, which Infisical doesn't call.
func checkRegion(region string) string {
	switch {
	case !isRegion(region):
		return quote(region) + " is not an AWS region; use one like eu-central-1"
	case strings.HasPrefix(region, "cn-"):
		return quote(region) + " is in a partition whose STS Infisical can't call"
	default:
		return ""
	}
}

func units(text string) int { return len(utf16.Encode([]rune(text))) }

func quote(value string) string { return fmt.Sprintf("%q", clean(value, maxShort)) }
