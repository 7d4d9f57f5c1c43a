package manifest

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/linkersync/linkersync/shared/input"
)

// The forms that texts must have. Each check below explains the first difference.
var (
	valueForm     = form(`[\w-]+`)
	keyForm       = form(`[\w-][\w.-]*`)
	nameForm      = form(`[a-z0-9]+(-[a-z0-9]+)*`)
	projectIDForm = form(`[\w-]+`)
	// Infisical's library for checking input has this form of an address.
	// Source: https://github.com/colinhacks/zod/blob/v3.25.76/packages/zod/src/v3/types.ts
	emailForm = form(`([A-Za-z0-9_'+-]+\.)*[A-Za-z0-9_'+-]*[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}`)
)

// form compiles a pattern of the whole text when it is first needed: a function that
// reads no manifest starts without it.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^(?:" + pattern + ")$") })
}

// IsValue tells whether a text has only characters that a linker value may have, and
// at least one. It does not check the length.
func IsValue(text string) bool { return valueForm().MatchString(text) }

// checkValue holds a value to what Bitbucket turns (?K) into, [\w\-]+, read as
// ASCII: whether its \w takes other letters is documented nowhere.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linker/
func checkValue(value string) string {
	switch {
	case value == "":
		return "is empty; remove it"
	case len(value) > MaxValueLength:
		return fmt.Sprintf("has %d characters; at most %d are allowed", len(value), MaxValueLength)
	case !IsValue(value):
		return wrongCharacter(value, "_-", "letters (A-Z, a-z), digits, _ and -")
	default:
		return ""
	}
}

// wrongCharacter names the first character that is no ASCII letter or digit and not in
// others.
func wrongCharacter(text, others, allowed string) string {
	for _, char := range text {
		if char >= utf8.RuneSelf || !unicode.IsLetter(char) && !unicode.IsDigit(char) && !strings.ContainsRune(others, char) {
			return fmt.Sprintf("has %s; only %s are allowed", input.CharacterName(char), allowed)
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
		return "starts with a dot; write the key as it is in the app's descriptor"
	case !keyForm().MatchString(key):
		return wrongCharacter(key, "_-.", "letters (A-Z, a-z), digits, _, - and .")
	default:
		return ""
	}
}

// checkName is Infisical's slug: it refuses what it would have to change.
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket/create
func checkName(name string) string {
	switch {
	case name == "":
		return "is empty; name the connection"
	case len(name) > MaxNameLength:
		return fmt.Sprintf("has %d characters; at most %d are allowed", len(name), MaxNameLength)
	case !nameForm().MatchString(name):
		return "is not a slug; only lower case letters (a-z), digits and single dashes between them are allowed"
	default:
		return ""
	}
}

func checkProjectID(id string) string {
	switch {
	case id == "":
		return "is empty; remove the key for a connection of the organization"
	case len(id) > MaxNameLength || !projectIDForm().MatchString(id):
		return "is not an Infisical project's ID; copy it from the project's settings"
	default:
		return ""
	}
}

func checkDescription(text string) string {
	if length := utf8.RuneCountInString(text); length > MaxDescriptionLength {
		return fmt.Sprintf("has %d characters; at most %d are allowed", length, MaxDescriptionLength)
	}
	return ""
}

// checkEmail takes what Infisical takes.
func checkEmail(email string) string {
	switch {
	case len(email) > MaxEmailLength:
		return fmt.Sprintf("has more than %d characters", MaxEmailLength)
	case !emailForm().MatchString(email):
		return "is not an email address that Infisical takes; write the Atlassian account's, as in name@example.com"
	default:
		return ""
	}
}
