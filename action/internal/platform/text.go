package platform

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Text returns a writer for text that may hold what others wrote, such as a workspace's
// name. GitHub's runner takes a line for a command when it starts with "::", white space
// aside, or has "##[" anywhere. A command stop-commands would make every later mask a
// line of the log, with the secret in it. The writer puts a space into both marks. The
// runner reads standard output and standard error, so both need it.
// Source: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
func Text(getenv func(string) string, w io.Writer) io.Writer {
	if !inGitHub(getenv) {
		return w
	}
	return &text{out: w, blank: true}
}

// JSON makes encoded JSON pass through [Text] as it is: only in a string can "##["
// be, and there the bracket has another spelling, of the same value.
func JSON(encoded []byte) []byte {
	return bytes.ReplaceAll(encoded, []byte("##["), []byte(`##\u005b`))
}

// Printable makes one line of what others wrote, without anything that steers a
// terminal.
func Printable(words string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, words)
}

// text writes what can't be taken for a command. It keeps what it needs to know of
// the bytes before, so that no command comes about where two writes meet.
type text struct {
	out io.Writer
	mu  sync.Mutex
	// blank: nothing but white space stands in the line so far.
	blank bool
	// colon: the line's first character was a colon, and nothing came after it.
	colon bool
	// hashes counts the ones right before.
	hashes int
}

// Write implements io.Writer; it counts the bytes that it was given.
func (t *text) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out bytes.Buffer
	for rest := data; len(rest) > 0; {
		char, size := utf8.DecodeRune(rest)
		if char == ':' && t.colon || char == '[' && t.hashes > 1 {
			out.WriteByte(' ')
		}
		out.Write(rest[:size])
		t.see(char)
		rest = rest[size:]
	}
	if _, err := t.out.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(data), nil
}

// see remembers a character. The runner ends lines at carriage returns, too.
func (t *text) see(char rune) {
	t.colon = char == ':' && t.blank
	t.blank = char == '\n' || char == '\r' || t.blank && unicode.IsSpace(char)
	if char == '#' {
		t.hashes++
	} else {
		t.hashes = 0
	}
}

// Counted is a number with its noun, as in "1 value" and "2 values".
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
