package connect_test

import (
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
)

// What the vectors leave open.
func TestCanonicalRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ method, path, query, base, want string }{
		"empty path":                       {"GET", "", "", "", "GET&/&"},
		"path without a slash":             {"GET", "a", "", "", "GET&/a&"},
		"root keeps its slash":             {"GET", "/", "", "", "GET&/&"},
		"base is the root":                 {"GET", "/a", "", "/", "GET&/a&"},
		"base is not at the start":         {"GET", "/a/base/x", "", "/base", "GET&/a/base/x&"},
		"base ends inside a segment":       {"GET", "/basement", "", "/base", "GET&/basement&"},
		"base with a slash, glued":         {"GET", "/basement", "", "/base/", "GET&/basement&"},
		"base with a slash, path without":  {"GET", "/base", "", "/base/", "GET&/base&"},
		"base longer than the path":        {"GET", "/ba", "", "/base", "GET&/ba&"},
		"path is the base and a slash":     {"GET", "/base/", "", "/base/", "GET&/&"},
		"percent-encoding in small hex":    {"GET", "/", "a=%c3%a9", "", "GET&/&a=%C3%A9"},
		"what needs no encoding":           {"GET", "/", "a=AZaz09-._~", "", "GET&/&a=AZaz09-._~"},
		"neighbours of what needs none":    {"GET", "/", "a=@[`{/:,}", "", "GET&/&a=%40%5B%60%7B%2F%3A%2C%7D"},
		"percent at the end":               {"GET", "/", "a=%4", "", "GET&/&a=%254"},
		"percent before one digit only":    {"GET", "/", "a=%4g", "", "GET&/&a=%254g"},
		"percent before an encoding":       {"GET", "/", "a=%%41", "", "GET&/&a=%25A"},
		"what is decoded once stays":       {"GET", "/", "a=%2541", "", "GET&/&a=%2541"},
		"each byte that is not UTF-8":      {"GET", "/", "a=%ff%fex\xff", "", "GET&/&a=%EF%BF%BD%EF%BF%BDx%EF%BF%BD"},
		"a byte that is not UTF-8, alone":  {"GET", "/", "a=x\xff", "", "GET&/&a=x%EF%BF%BD"},
		"a surrogate that UTF-8 lacks":     {"GET", "/", "a=%ed%a0%80", "", "GET&/&a=%EF%BF%BD%EF%BF%BD%EF%BF%BD"},
		"a character cut short":            {"GET", "/", "a=%E2%82x%F0%9F%98&b=%E2%82%E2", "", "GET&/&a=%EF%BF%BDx%EF%BF%BD&b=%EF%BF%BD%EF%BF%BD"},
		"a character of too many bytes":    {"GET", "/", "a=%C0%AF%F4%90%80%80", "", "GET&/&a=%EF%BF%BD%EF%BF%BD%EF%BF%BD%EF%BF%BD%EF%BF%BD%EF%BF%BD"},
		"names of JavaScript's own":        {"GET", "/", "toString=1&__proto__=2&constructor=3&%5F_proto__=4&length", "", "GET&/&__proto__=2,4&constructor=3&length=&toString=1"},
		"names that decode to the same":    {"GET", "/", "%61=2&a=1", "", "GET&/&a=1,2"},
		"empty values repeat":              {"GET", "/", "a=&a", "", "GET&/&a=,"},
		"no name":                          {"GET", "/", "=", "", "GET&/&="},
		"jwt, percent-encoded":             {"GET", "/", "%6Awt=x&a=1", "", "GET&/&a=1"},
		"jwt in the middle of a name":      {"GET", "/", "jwt2=x", "", "GET&/&jwt2=x"},
		"more parameters than the library": {"GET", "/", strings.Repeat("a&", 1001), "", "GET&/&a=" + strings.Repeat(",", 1000)},
		"more parameters than usual":       {"GET", "/", "j=1&i=1&h=1&g=1&f=1&e=1&d=1&c=1&b=1&a=1", "", "GET&/&a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1"},
		"a prefix sorts first":             {"GET", "/", "ab=1&a=2", "", "GET&/&a=2&ab=1"},
		"private use after astral planes":  {"GET", "/", "\uE000=1&\U0001F600=2&\uD7FF=3", "", "GET&/&%ED%9F%BF=3&%F0%9F%98%80=2&%EE%80%80=1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := connect.CanonicalRequest(test.method, test.path, test.query, test.base)
			if got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if hash := connect.QueryStringHash(test.method, test.path, test.query, test.base); hash != hashOf(test.want) {
				t.Errorf("hash is %s, want that of %q", hash, test.want)
			}
		})
	}
}
