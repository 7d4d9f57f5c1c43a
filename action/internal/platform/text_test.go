package platform

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode"
)

// isCommand tells what GitHub's runner would take for a command, as its source has
// it: registered names aside, which change.
func isCommand(line string) bool {
	start := strings.TrimLeftFunc(line, unicode.IsSpace)
	if strings.HasPrefix(start, "::") && strings.Contains(start[2:], "::") {
		return true
	}
	_, after, found := strings.Cut(line, "##[")
	return found && strings.Contains(after, "]")
}

func TestTextIsNeverACommand(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"a name that stops commands":   {"::stop-commands::x\n", ": :stop-commands::x\n"},
		"after white space":            {" \t\u00a0::add-mask::a\n", " \t\u00a0: :add-mask::a\n"},
		"in a later line":              {"one\n  ::error::no\n", "one\n  : :error::no\n"},
		"after a carriage return":      {"one\r::error::no\n", "one\r: :error::no\n"},
		"the old form, anywhere":       {"+ value ##[stop-commands]x\n", "+ value ## [stop-commands]x\n"},
		"the old form, more hashes":    {"###[set-output name=status;]ok\n", "### [set-output name=status;]ok\n"},
		"many colons":                  {"::::error::no\n", ": :::error::no\n"},
		"a client key stays to copy":   {"ari:cloud:bitbucket::app/{u}/key\n", "ari:cloud:bitbucket::app/{u}/key\n"},
		"colons after text, a heading": {"a:: b # [1] ## x [2]\n", "a:: b # [1] ## x [2]\n"},
		"broken UTF-8 stays as it is":  {"\xff::x\n:\xff:\n", "\xff::x\n:\xff:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var whole, parts bytes.Buffer
			if n, err := io.WriteString(Text(&gitHub{}, &whole), test.text); n != len(test.text) || err != nil {
				t.Errorf("wrote %d of %d, error %v", n, len(test.text), err)
			}
			writer := Text(&gitHub{}, &parts)
			for _, char := range test.text {
				_, _ = io.WriteString(writer, string(char))
			}
			if whole.String() != test.want {
				t.Errorf("got %q, want %q", whole.String(), test.want)
			}
			if strings.ToValidUTF8(parts.String(), "\ufffd") != strings.ToValidUTF8(test.want, "\ufffd") {
				t.Errorf("one by one: got %q, want %q", parts.String(), test.want)
			}
			for line := range strings.FieldsFuncSeq(whole.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
				if isCommand(line) {
					t.Errorf("%q is a command", line)
				}
			}
			var plainly bytes.Buffer
			_, _ = io.WriteString(Text(&plain{}, &plainly), test.text)
			if plainly.String() != test.text {
				t.Errorf("elsewhere: got %q, want it as it is", plainly.String())
			}
		})
	}
}
