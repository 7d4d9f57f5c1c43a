package infisical

import "strings"

// The server's patterns as plain code: four compiled patterns cost each cold
// start 0.2 ms and 48 KB. A test holds them to the patterns themselves, and
// testdata/rules.json has the verdicts of the libraries that the server uses.

// IsSlug tells whether a text has the form of a name or of an organization's slug:
// lower case letters and digits, with single dashes between them.
func IsSlug(text string) bool { return isSlug(text) }

// isSlug is ^[a-z0-9]+(-[a-z0-9]+)*$.
func isSlug(text string) bool {
	for word := range strings.SplitSeq(text, "-") {
		if word == "" || strings.ContainsFunc(word, func(char rune) bool { return !isLower(char) && !isDigit(char) }) {
			return false
		}
	}
	return true
}

// isEmail is zod's pattern, ^(?!\.)(?!.*\.\.)([A-Z0-9_'+\-\.]*)[A-Z0-9_+-]@([A-Z0-9][A-Z0-9\-]*\.)+[A-Z]{2,}$
// without regard to case.
// Source: https://github.com/colinhacks/zod/blob/v3.25.76/packages/zod/src/v3/types.ts
func isEmail(text string) bool {
	local, domain, _ := strings.Cut(text, "@")
	switch {
	case local == "", strings.HasPrefix(local, "."), strings.HasSuffix(local, "."), strings.HasSuffix(local, "'"):
		return false
	case strings.Contains(local, ".."), strings.ContainsFunc(local, func(char rune) bool { return !isAlnum(char) && !strings.ContainsRune("_'+-.", char) }):
		return false
	}
	labels := strings.Split(domain, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || len(last) < 2 || strings.ContainsFunc(last, func(char rune) bool { return !isAlnum(char) || isDigit(char) }) {
		return false
	}
	for _, label := range labels {
		if label == "" || label[0] == '-' || strings.ContainsFunc(label, func(char rune) bool { return !isAlnum(char) && char != '-' }) {
			return false
		}
	}
	return true
}

// isUUID takes the five groups of hexadecimal digits, of any version.
func isUUID(text string) bool {
	const shape = "00000000-0000-0000-0000-000000000000"
	if len(text) != len(shape) {
		return false
	}
	for i, char := range []byte(text) {
		if dash := shape[i] == '-'; dash != (char == '-') || !dash && !isHex(rune(char)) {
			return false
		}
	}
	return true
}

// isRegion is ^[a-z0-9-]{1,20}$.
func isRegion(text string) bool {
	return text != "" && len(text) <= 20 && !strings.ContainsFunc(text, func(char rune) bool { return !isLower(char) && !isDigit(char) && char != '-' })
}

func isLower(char rune) bool { return 'a' <= char && char <= 'z' }
func isDigit(char rune) bool { return '0' <= char && char <= '9' }
func isAlnum(char rune) bool { return isDigit(char) || isLower(char|0x20) }
func isHex(char rune) bool   { return isDigit(char) || 'a' <= char|0x20 && char|0x20 <= 'f' }
