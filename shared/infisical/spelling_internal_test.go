package infisical

import (
	"regexp"
	"strings"
	"testing"
)

// serverPatterns are those of Infisical's server. Go has no look-aheads, so the two
// of the email's are beside it.
var serverPatterns = map[string]struct {
	pattern *regexp.Regexp
	code    func(string) bool
}{
	"slug":   {regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`), isSlug},
	"uuid":   {regexp.MustCompile(`(?i)^[0-9A-F]{8}-([0-9A-F]{4}-){3}[0-9A-F]{12}$`), isUUID},
	"region": {regexp.MustCompile(`^[a-z0-9-]{1,20}$`), isRegion},
	"email":  {regexp.MustCompile(`^[A-Za-z0-9_'+.-]*[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$`), isEmail},
}

func checkSpelling(t *testing.T, text string) {
	t.Helper()
	for name, rule := range serverPatterns {
		want := rule.pattern.MatchString(text)
		if name == "email" {
			want = want && !strings.HasPrefix(text, ".") && !strings.Contains(text, "..")
		}
		if got := rule.code(text); got != want {
			t.Errorf("%s %q: %v, and the server's pattern says %v", name, text, got, want)
		}
	}
}

// TestSpelling puts every ASCII character, and some beyond, at every place of a
// text that each rule takes, and takes every character away.
func TestSpelling(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"eu-central-1", "a.b_c'd+e-f@g-h.i.jk", "0123abcd-ef00-4000-8000-000000000001", "a@b.cd", "abcdefghij-klmnopqrs", ""} {
		checkSpelling(t, base)
		for at := range len(base) + 1 {
			if at < len(base) {
				checkSpelling(t, base[:at]+base[at+1:])
			}
			for char := range rune(0x90) {
				checkSpelling(t, base[:at]+string(char)+base[at:])
				if at < len(base) {
					checkSpelling(t, base[:at]+string(char)+base[at+1:])
				}
			}
			for _, text := range []string{"é", "ſ", "\u212a", "٣", "\xff", "--", "..", "@"} {
				checkSpelling(t, base[:at]+text+base[at:])
			}
		}
	}
}

func FuzzSpelling(f *testing.F) {
	for _, text := range []string{"a-b", "a@b.cd", "0123abcd-ef00-4000-8000-000000000001", "eu-west-1"} {
		f.Add(text)
	}
	f.Fuzz(checkSpelling)
}
