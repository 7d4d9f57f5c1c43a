package manifest

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// tokenShape is the pattern of a kind of Atlassian credential. Shorter text
// only mentions tokens.
type tokenShape struct {
	pattern *regexp.Regexp
	name    string
}

// tokenShapes are the credentials that a manifest's author handles, and so may
// paste. A general secret scanner knows more; this one guards the one mistake.
var tokenShapes = sync.OnceValue(func() []tokenShape {
	return []tokenShape{
		{regexp.MustCompile(`ATATT[\w-]{20,}`), "an Atlassian API token"},
		{regexp.MustCompile(`ATCTT[\w-]{20,}`), "a Bitbucket access token"},
		{regexp.MustCompile(`ATBB[\w-]{24,}`), "a Bitbucket app password"},
	}
})

// findSecrets reports what looks like a credential, anywhere in the file:
// comments are committed as well.
func (r *reader) findSecrets(file string, data []byte) {
	for _, shape := range tokenShapes() {
		// Bounded, because each place found costs a walk from the file's start.
		for _, place := range shape.pattern.FindAllIndex(data, MaxProblems) {
			r.problems.add(Problem{
				File: file, Position: positionAt(data, place[0]),
				Message: "this looks like " + shape.name + "; " + secretAdvice,
			})
		}
	}
}

const secretAdvice = "a secret in this file is in the repository's history for good: revoke it, keep the new one in a secret store, and write a reference to it (token: env:NAME, file:PATH or aws-secret:ID#key)"

// looksSecret tells whether text has a credential's shape somewhere.
func looksSecret(text string) bool {
	return slices.ContainsFunc(tokenShapes(), func(shape tokenShape) bool { return shape.pattern.MatchString(text) })
}

// plausible is what a message may repeat of a file. The file may be another one than
// was meant, one with credentials, so a message repeats only short words.
var plausible = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w-]{1,24}$`) })

// named is what a message calls a thing that stands in a file: its kind and the text
// in quotes, as in value "A", or "this value" when the text is not to be repeated.
func named(kind, text string) string {
	if !plausible().MatchString(text) || looksSecret(text) {
		return "this " + kind
	}
	return kind + ` "` + text + `"`
}

// shownKey is a key in a problem's path.
func shownKey(key string) string {
	if strings.HasPrefix(named("key", key), "this") {
		return "(key)"
	}
	return key
}

var fileName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w./ -]{0,80}\w\.[A-Za-z]{1,5}$`) })

// namedFile is named for a values_file: a path that ends like a file's name is shown.
func namedFile(path string) string {
	if fileName().MatchString(path) && !looksSecret(path) {
		return `values_file "` + path + `"`
	}
	return named("values_file", path)
}
