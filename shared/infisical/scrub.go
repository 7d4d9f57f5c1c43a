package infisical

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode"

	"github.com/linkersync/linkersync/shared/redact"
)

// scrubber takes a request's secrets out of texts that its answer holds. Neither
// Infisical nor a proxy is known to send them back; this makes sure.
type scrubber struct{ replacer *strings.Replacer }

func newScrubber(secrets ...redact.Secret) scrubber {
	var pairs []string
	for _, secret := range secrets {
		for _, form := range forms(strings.TrimSpace(secret.Reveal())) {
			pairs = append(pairs, form, redact.Placeholder)
		}
	}
	return scrubber{strings.NewReplacer(pairs...)}
}

// forms are the ways in which a secret may be written in an answer.
func forms(secret string) []string {
	if secret == "" {
		return nil
	}
	quoted, _ := json.Marshal(secret) // a string can't fail
	return []string{
		secret,
		strings.Trim(string(quoted), `"`),
		url.QueryEscape(secret),
		url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
}

// clean scrubs before it shortens: the end of a text may not cut a secret in two.
func (s scrubber) clean(text string, limit int) string {
	return clean(s.replacer.Replace(text), limit)
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
