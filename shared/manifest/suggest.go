package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// unknownKey says what to write instead of a key that the manifest does not know.
func unknownKey(key, owner string, known []string) string {
	if slices.Contains(known, "token") && isSecretName(key) {
		return fmt.Sprintf("%s is not known, and secrets don't belong in this file; write token: with a reference such as env:NAME", named("key", key))
	}
	if like := closest(key, known); like != "" {
		return fmt.Sprintf("%s is not known; did you mean %q?", named("key", key), like)
	}
	return fmt.Sprintf("%s is not known; %s may have %s", named("key", key), owner, strings.Join(known, ", "))
}

func isSecretName(key string) bool {
	key = plain(key)
	return strings.Contains(key, "token") || strings.Contains(key, "secret") ||
		strings.Contains(key, "password") || strings.Contains(key, "credential")
}

// closest returns the word that text most likely means, or nothing.
func closest(text string, words []string) string {
	best, fewest := "", 3 // at most two typing errors
	for _, word := range words {
		edits := distance(plain(text), plain(word))
		if edits < fewest && edits <= len(word)/2 {
			best, fewest = word, edits
		}
	}
	return best
}

// maxSuggested bounds the text that a word is suggested for, in bytes.
const maxSuggested = 60

// plain makes valuesFile, values-file and values_file the same word.
func plain(text string) string {
	if len(text) > maxSuggested {
		text = text[:maxSuggested]
	}
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(text))
}

// distance is how many letters must be put in, left out, replaced or swapped
// with their neighbour to make b of a.
func distance(a, b string) int {
	edits := make([][]int, len(a)+1)
	for i := range edits {
		edits[i] = make([]int, len(b)+1)
		edits[i][0] = i
	}
	for j := range edits[0] {
		edits[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := edits[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			edits[i][j] = min(replaced, edits[i-1][j]+1, edits[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				edits[i][j] = min(edits[i][j], edits[i-2][j-2]+1)
			}
		}
	}
	return edits[len(a)][len(b)]
}
