package manifest

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsValue tells whether a text has only characters that a linker value may have, and
// at least one. How long it may be is not its matter.
func IsValue(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(char rune) bool { return !isWord(char) })
}

// checkValue holds a value to what Bitbucket turns (?K) into, [\w\-]+, read as
// ASCII: whether its \w takes other letters is documented nowhere.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linker/
func checkValue(value string) string {
	switch {
	case value == "":
		return "is empty; remove it"
	case len(value) > MaxValueLength:
		return fmt.Sprintf("has %d characters; at most %d are allowed", len(value), MaxValueLength)
	}
	for _, char := range value {
		if !isWord(char) {
			return fmt.Sprintf("has the character %q; only letters (A-Z, a-z), digits, _ and - are allowed", char)
		}
	}
	return ""
}

// checkKey is for the keys of apps and linkers. Bitbucket documents no rule; this
// takes the keys of all descriptors that were seen, and nothing that needs
// escaping in a URL's path. A leading dot would make "..", which is a path of its own.
func checkKey(key string) string {
	switch {
	case key == "":
		return "is empty; write the key of the app's descriptor"
	case len(key) > MaxKeyLength:
		return fmt.Sprintf("has %d characters; at most %d are allowed", len(key), MaxKeyLength)
	case key[0] == '.':
		return fmt.Sprintf("%s starts with a dot; write the key as it is in the app's descriptor", quote(key))
	}
	for _, char := range key {
		if !isWord(char) && char != '.' {
			return fmt.Sprintf("%s has the character %q; only letters (A-Z, a-z), digits, _, - and . are allowed", quote(key), char)
		}
	}
	return ""
}

func isWord(char rune) bool {
	return 'A' <= char && char <= 'Z' || 'a' <= char && char <= 'z' || '0' <= char && char <= '9' || char == '_' || char == '-'
}

// checkName is Infisical's slug: it refuses what it would have to change.
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/create
func checkName(name string) string {
	if name == "" {
		return "is empty; name the connection"
	}
	if len(name) > MaxNameLength {
		return fmt.Sprintf("has %d characters; at most %d are allowed", len(name), MaxNameLength)
	}
	for part := range strings.SplitSeq(name, "-") {
		if part == "" || strings.IndexFunc(part, notSlug) >= 0 {
			return fmt.Sprintf("%s is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed", quote(name))
		}
	}
	return ""
}

func notSlug(char rune) bool { return (char < 'a' || char > 'z') && (char < '0' || char > '9') }

func checkProjectID(id string) string {
	switch {
	case id == "":
		return "is empty; remove the key for a connection of the organisation"
	case len(id) > MaxNameLength || strings.IndexFunc(id, func(char rune) bool { return !isWord(char) }) >= 0:
		return fmt.Sprintf("%s is not an Infisical project's ID; copy it from the project's settings", quote(id))
	default:
		return ""
	}
}

// checkDescription refuses control characters because descriptions are printed
// on terminals.
func checkDescription(text string) string {
	text = strings.TrimSpace(text)
	if length := utf8.RuneCountInString(text); length > MaxDescriptionLength {
		return fmt.Sprintf("has %d characters; at most %d are allowed", length, MaxDescriptionLength)
	}
	if strings.IndexFunc(text, unicode.IsControl) >= 0 {
		return "has a line break or another control character; write it in one line"
	}
	return ""
}

// checkEmail finds what can't be an address; Infisical decides about the rest.
func checkEmail(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	switch {
	case utf8.RuneCountInString(email) > MaxEmailLength:
		return fmt.Sprintf("has more than %d characters", MaxEmailLength)
	case local == "" || domain == "" || strings.Contains(domain, "@") || strings.ContainsFunc(email, notInEmail):
		return fmt.Sprintf("%s is not an email address; write the Atlassian account's, as in name@example.com", quote(email))
	default:
		return ""
	}
}

func notInEmail(char rune) bool { return unicode.IsSpace(char) || unicode.IsControl(char) }
