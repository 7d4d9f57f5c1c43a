package input_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/redact"
)

func TestText(t *testing.T) {
	t.Parallel()
	type result struct{ Text, Err string }
	tests := map[string]struct {
		text string
		want result
	}{
		"plain":                    {"a b", result{Text: "a b"}},
		"letters of any language":  {"né 漢", result{Text: "né 漢"}},
		"surrounding white space":  {" \t\u00a0\u2009value\u3000\r\n", result{Text: "value"}},
		"surrounding invisibles":   {"\ufeff\u200b\u2060value\u200b\u200e", result{Text: "value"}},
		"nothing but white space":  {"\ufeff \r\n", result{}},
		"zero-width space inside":  {"a\u200bb", result{Err: "it has a zero-width space (U+200B) as character 2; remove it"}},
		"non-breaking space":       {"é\u00a0b", result{Err: "it has a non-breaking space (U+00A0) as character 2; remove it"}},
		"unusual space":            {"a\u2003b", result{Err: "it has an unusual space (U+2003) as character 2; remove it"}},
		"byte order mark inside":   {"a\ufeffb", result{Err: "it has a byte order mark (U+FEFF) as character 2; remove it"}},
		"line break":               {"a\nb", result{Err: "it has a line break (U+000A) as character 2; remove it"}},
		"carriage return":          {"a\rb", result{Err: "it has a carriage return (U+000D) as character 2; remove it"}},
		"tab":                      {"a\tb", result{Err: "it has a tab (U+0009) as character 2; remove it"}},
		"escape":                   {"a\x1b[2J", result{Err: "it has a control character (U+001B) as character 2; remove it"}},
		"mark of direction":        {"a\u202eb", result{Err: "it has a mark of writing direction (U+202E) as character 2; remove it"}},
		"filler":                   {"a\u3164b", result{Err: "it has an invisible character (U+3164) as character 2; remove it"}},
		"private use":              {"a\ue000b", result{Err: "it has an invisible character (U+E000) as character 2; remove it"}},
		"bytes that are no text":   {"a\xffb", result{Err: "it is not UTF-8 text; save or paste it again as UTF-8"}},
		"UTF-16 from Windows":      {"\xff\xfea\x00", result{Err: "it is not UTF-8 text; save or paste it again as UTF-8"}},
		"soft hyphen and joiners":  {"a\u00adb", result{Err: "it has a soft hyphen (U+00AD) as character 2; remove it"}},
		"line separator":           {"a\u2028b", result{Err: "it has a line break (U+2028) as character 2; remove it"}},
		"tag characters, a hidden": {"a\U000e0041", result{Text: "a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got result
			text, err := input.Text(test.text)
			if got.Text = text; err != nil {
				got.Err = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	const place = ", so it is not a token; check which place is named"
	tests := map[string]struct{ value, want, problem string }{
		"as it is":                {value: "canary-7f3a=", want: "canary-7f3a="},
		"pasted":                  {value: "\ufeff canary-7f3a\u200b\r\n", want: "canary-7f3a"},
		"shortest":                {value: "12345678", want: "12345678"},
		"too short":               {value: "1234567", problem: "it has fewer than 8 characters" + place},
		"longest":                 {value: strings.Repeat("c", 4096), want: strings.Repeat("c", 4096)},
		"too long":                {value: strings.Repeat("c", 4097), problem: "it has more than 4096 bytes" + place},
		"empty":                   {value: " \u00a0\n", problem: "it is empty; store the secret there"},
		"several lines":           {value: "canary-1\ncanary-2", problem: "it has several lines" + place},
		"the process environment": {value: "PATH=/bin\x00HOME=/root", problem: "it has a control character (U+0000) inside; copy the token again"},
		"a sentence":              {value: "no token here", problem: "it has a space inside" + place},
		"zero-width space inside": {value: "canary\u200b7f3a", problem: "it has a zero-width space (U+200B) inside; copy the token again"},
		"letters beyond ASCII":    {value: "canary-ünï", problem: "it has a character outside of printable ASCII" + place},
		"bytes that are no text":  {value: "canary-\xff", problem: "it is not text" + place},
		"delete character":        {value: "canary-7\x7ff3a", problem: "it has a control character (U+007F) inside; copy the token again"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := input.Token(redact.New(test.value))
			problem := ""
			if err != nil {
				problem = err.Error()
			}
			if got.Reveal() != test.want || problem != test.problem {
				t.Errorf("Token returned %q and %q, want %q and %q", got.Reveal(), problem, test.want, test.problem)
			}
		})
	}
}
