package infisical

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"unicode"

	"github.com/linkersync/linkersync/shared/redact"
)

const (
	// withheld stands for a text that repeats a secret.
	withheld = "[withheld: it repeats a secret of the request]"
	// minSecret is the length from which a secret is looked for. Real ones are
	// longer; a shorter one would be found in any text.
	minSecret = 8
)

// scrubber withholds texts of an answer that repeat one of the request's secrets.
// Infisical isn't known to do that, but net/http quotes an answer that isn't HTTP,
// and who knows what sits between.
type scrubber struct{ forms []string }

func newScrubber(secrets ...redact.Secret) scrubber {
	var s scrubber
	for _, secret := range secrets {
		if value := strings.TrimSpace(secret.Reveal()); len(value) >= minSecret {
			s.forms = append(s.forms, forms(value)...)
		}
	}
	return s
}

// forms are the ways in which a secret may be written in an answer.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret) // a string can't fail
	all := []string{
		secret,
		strings.Trim(string(quoted), `"`),
		url.QueryEscape(secret),
		url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
	for i, form := range all {
		all[i] = withoutEscapes(form)
	}
	return all
}

// withoutEscapes makes a text comparable however often it was quoted.
func withoutEscapes(text string) string { return strings.ReplaceAll(text, `\`, "") }

func (s scrubber) repeats(text string) bool {
	text = withoutEscapes(text)
	for _, form := range s.forms {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// clean looks for secrets before it shortens: the cut may go through one.
func (s scrubber) clean(text string, limit int) string {
	if s.repeats(text) {
		return withheld
	}
	return clean(text, limit)
}

// error withholds an error that repeats a secret, and keeps any other as it is.
func (s scrubber) error(err error) error {
	if s.repeats(err.Error()) {
		return errors.New(withheld)
	}
	return err
}

// clean makes a text from outside fit for a terminal and a log: one line, no
// control characters, at most limit characters.
func clean(text string, limit int) string {
	var cleaned strings.Builder
	count := 0
	for _, field := range strings.FieldsFunc(text, isBlank) {
		if count > 0 {
			cleaned.WriteByte(' ')
			count++
		}
		for _, char := range field {
			if count >= limit {
				return cleaned.String() + "…"
			}
			cleaned.WriteRune(char)
			count++
		}
	}
	return cleaned.String()
}

func isBlank(char rune) bool { return unicode.IsSpace(char) || !unicode.IsPrint(char) }
