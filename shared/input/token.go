package input

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/linkersync/linkersync/shared/redact"
)

// Bounds of a token, in bytes. Shorter text is a placeholder or a flag, and masking
// it would blacken a CI's log. The longest tokens in use, signed ones, have some
// 2,000 bytes, and servers refuse headers of more than 8,000.
const (
	MinTokenSize = 8
	MaxTokenSize = 4096
)

// Token returns a token or password without what surrounds it, see [Trim]. It
// refuses what can't be one: text that is too short or too long, has several lines,
// a space inside, or a character outside of printable ASCII. That means that the
// wrong variable, file or secret was named. Call it before a secret is masked or
// sent anywhere. The error never holds a part of it.
func Token(secret redact.Secret) (redact.Secret, error) {
	value := Trim(secret.Reveal())
	switch {
	case value == "":
		return redact.Secret{}, errors.New("it is empty; store the secret there")
	case len(value) > MaxTokenSize:
		return redact.Secret{}, fmt.Errorf("it has more than %d bytes, so it is not a token; check which place is named", MaxTokenSize)
	}
	for _, char := range value {
		switch {
		case char == utf8.RuneError:
			return redact.Secret{}, errors.New("it is not text, so it is not a token; check which place is named")
		case char == '\n' || char == '\r':
			return redact.Secret{}, errors.New("it has several lines, so it is not a token; check which place is named")
		case char == ' ':
			return redact.Secret{}, errors.New("it has a space inside, so it is not a token; check which place is named")
		case char < ' ' || char == 0x7f || isInvisible(char) || unicode.IsSpace(char):
			return redact.Secret{}, fmt.Errorf("it has %s inside; copy the token again", CharacterName(char))
		case char > '~':
			return redact.Secret{}, errors.New("it has a character outside of printable ASCII, so it is not a token; check which place is named")
		}
	}
	if len(value) < MinTokenSize {
		return redact.Secret{}, fmt.Errorf("it has fewer than %d characters, so it is not a token; check which place is named", MinTokenSize)
	}
	return redact.New(value), nil
}
