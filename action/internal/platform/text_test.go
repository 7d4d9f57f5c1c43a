package platform

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
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

func onGitHub(name string) string { return map[string]string{"GITHUB_ACTIONS": "true"}[name] }

func elsewhere(string) string { return "" }

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
			if n, err := io.WriteString(Text(onGitHub, &whole), test.text); n != len(test.text) || err != nil {
				t.Errorf("wrote %d of %d, error %v", n, len(test.text), err)
			}
			writer := Text(onGitHub, &parts)
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
			_, _ = io.WriteString(Text(elsewhere, &plainly), test.text)
			if plainly.String() != test.text {
				t.Errorf("elsewhere: got %q, want it as it is", plainly.String())
			}
		})
	}
}

func TestJSONPassesThroughTextAsItIs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"##[stop-commands]x", "####[", "a\n::stop-commands::x", "##", `\##[x]`, "[##]"} {
		encoded, err := json.Marshal([]string{name, name})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := Text(onGitHub, &out).Write(JSON(encoded)); err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || !slices.Equal(got, []string{name, name}) {
			t.Errorf("%q became %q: %v", name, got, err)
		}
		if isCommand(out.String()) {
			t.Errorf("%s is a command", out.String())
		}
	}
}
