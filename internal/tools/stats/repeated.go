package main

import (
	"regexp"
	"strings"
)

// window is how many lines in a row make a place.
const window = 6

// spot is a line, by its file and its number among those that count.
type spot struct{ file, line int }

// repeated counts pairs of places with the same lines. A longer repetition counts
// once. Texts and numbers count as equal, as a copy changes those; space at a line's
// ends, empty lines, comments and imports don't count.
func repeated(files []file) int {
	texts := make([][]string, len(files))
	seen := map[string][]spot{}
	pairs := 0
	for i, f := range files {
		texts[i] = significant(f.text)
		for at := 0; at+window <= len(texts[i]); at++ {
			key := strings.Join(texts[i][at:at+window], "\n")
			for _, other := range seen[key] {
				if begins(texts, spot{i, at}, other) && (other.file != i || at-other.line >= window) {
					pairs++
				}
			}
			seen[key] = append(seen[key], spot{i, at})
		}
	}
	return pairs
}

// begins tells whether the lines before two equal places differ, so that the pair
// isn't the continuation of one that was counted.
func begins(texts [][]string, a, b spot) bool {
	return a.line == 0 || b.line == 0 || texts[a.file][a.line-1] != texts[b.file][b.line-1]
}

func significant(text string) []string {
	var lines []string
	literal := regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b[0-9][0-9a-fx_]*\b`)
	imports := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "import (":
			imports = true
		case imports:
			imports = line != ")"
		case line == "", strings.HasPrefix(line, "//"), strings.HasPrefix(line, "package "), strings.HasPrefix(line, "import "):
		default:
			lines = append(lines, literal.ReplaceAllString(line, "0"))
		}
	}
	return lines
}
