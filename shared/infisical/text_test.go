package infisical_test

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

// maxText is what the longest error may need: twenty issues of three hundred
// characters each, in UTF-8.
const maxText = 25_000

// checkText fails unless err is fit for a terminal: bounded, of one line, valid
// UTF-8 and without characters that don't print.
func checkText(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if len(text) > maxText {
		t.Errorf("error has %d bytes", len(text))
	}
	if !utf8.ValidString(text) {
		t.Errorf("error is not UTF-8: %q", text)
	}
	for _, char := range text {
		if !unicode.IsPrint(char) {
			t.Errorf("error holds %q: %q", char, text)
		}
	}
}
