// Package input reads what comes from outside the process: text that people and
// other programs wrote, tokens, files and standard input. Each rule for such input
// has its one place here.
//
// It knows no format. What a text means is the caller's matter.
package input

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Trim removes what surrounds a text and can't be meant: white space of any kind,
// line ends, byte order marks and characters that print nothing. Pasted text,
// CI variables and files from Windows or a spreadsheet have them.
func Trim(text string) string {
	return strings.TrimFunc(text, func(char rune) bool { return unicode.IsSpace(char) || isInvisible(char) })
}

// Text returns the text after [Trim]. It refuses what is no printable text of one
// line: invalid UTF-8, control characters, characters that print nothing and white
// space that looks like a space and is none. The error names the character and its
// place, and never repeats the text, which may be a secret.
func Text(text string) (string, error) {
	text = Trim(text)
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("it is not UTF-8 text; save or paste it again as UTF-8")
	}
	place := 0
	for _, char := range text {
		place++
		if char != ' ' && !unicode.IsGraphic(char) || char != ' ' && unicode.IsSpace(char) || isInvisible(char) {
			return "", fmt.Errorf("it has %s as character %d; remove it", CharacterName(char), place)
		}
	}
	return text, nil
}

// CharacterName says how a message calls a character: the character in quotes when
// it can be seen, else its name and code point, as in "a zero-width space (U+200B)".
func CharacterName(char rune) string {
	name := ""
	switch char {
	case '\n', '\u2028', '\u2029':
		name = "a line break"
	case '\r':
		name = "a carriage return"
	case '\t':
		name = "a tab"
	case '\u00a0', '\u202f':
		name = "a non-breaking space"
	case '\u00ad':
		name = "a soft hyphen"
	case '\u200b':
		name = "a zero-width space"
	case '\u200c':
		name = "a zero-width non-joiner"
	case '\u200d':
		name = "a zero-width joiner"
	case '\u2060':
		name = "a word joiner"
	case '\ufeff':
		name = "a byte order mark"
	default:
		switch {
		case unicode.Is(unicode.Bidi_Control, char):
			name = "a mark of writing direction"
		case unicode.IsControl(char):
			name = "a control character"
		case char != ' ' && unicode.IsSpace(char):
			name = "an unusual space"
		case isInvisible(char) || !unicode.IsGraphic(char):
			name = "an invisible character"
		default:
			return fmt.Sprintf("the character %q", char)
		}
	}
	return fmt.Sprintf("%s (U+%04X)", name, char)
}

// isInvisible tells whether a character prints nothing: Unicode's format characters,
// the fillers and selectors that it recommends to ignore, and the Braille blank.
func isInvisible(char rune) bool {
	return unicode.In(char, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || char == '\u2800'
}
