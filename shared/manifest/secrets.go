package manifest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// tokenShape is how a kind of Atlassian credential starts and how many more
// letters and digits follow at least; shorter ones are talk about tokens.
type tokenShape struct {
	prefix string
	more   int
	name   string
}

// tokenShapes returns the credentials that a manifest's author handles, and so
// may paste. A general secret scanner knows more; this one guards the one mistake.
func tokenShapes() []tokenShape {
	return []tokenShape{
		{"ATATT", 20, "an Atlassian API token"},
		{"ATCTT", 20, "a Bitbucket access token"},
		{"ATBB", 24, "a Bitbucket app password"},
	}
}

// findSecrets reports what looks like a credential, anywhere in the file:
// comments are committed as well.
func (r *reader) findSecrets(file string, data []byte) {
	for _, shape := range tokenShapes() {
		// Bounded, because each place found costs a walk from the file's start.
		for offset, found := 0, 0; found < MaxProblems; {
			start := bytes.Index(data[offset:], []byte(shape.prefix))
			if start < 0 {
				break
			}
			start += offset
			offset = start + len(shape.prefix)
			if wordLength(data[offset:]) < shape.more {
				continue
			}
			found++
			r.problems.add(Problem{
				File: file, Position: positionAt(data, start),
				Message: "this looks like " + shape.name + "; " + secretAdvice,
			})
		}
	}
}

const secretAdvice = "a secret in this file is in the repository's history for good: revoke it, keep the new one in a secret store, and write a reference to it (token: env:NAME, file:PATH or aws-secret:ID#key)"

func wordLength(data []byte) int {
	length := bytes.IndexFunc(data, func(char rune) bool { return !isWord(char) })
	if length < 0 {
		return len(data)
	}
	return length
}

// looksSecret tells whether text must not be repeated in a message.
func looksSecret(text string) bool {
	return slices.ContainsFunc(tokenShapes(), func(shape tokenShape) bool {
		return strings.Contains(text, shape.prefix) && len(text) >= len(shape.prefix)+shape.more
	})
}

// maxShown is how many characters of a text a message repeats.
const maxShown = 60

// shown is text as a message may repeat it: short, not secret, and with control
// characters, which would act on a terminal, escaped.
func shown(text string) string {
	if looksSecret(text) {
		return "(not shown)"
	}
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown]) + "…"
	}
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func quote(text string) string { return `"` + shown(text) + `"` }
