package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	// maxLine is how many characters a line of Markdown may have.
	maxLine = 100
	// maxSubject is how many characters a commit's subject may have, so that lists of
	// commits show all of it.
	maxSubject = 65
)

// markdown complains about long lines. Tables can't be wrapped, links and words
// without a space neither, and code stands as it is run.
func markdown(tree fs.FS, files []string) ([]string, error) {
	var found []string
	for _, file := range files {
		if path.Ext(file) != ".md" || strings.Contains(file, "/testdata/") {
			continue
		}
		content, err := fs.ReadFile(tree, file)
		if err != nil {
			return nil, err
		}
		found = append(found, longLines(file, content)...)
	}
	return found, nil
}

func longLines(file string, content []byte) []string {
	var found []string
	fenced, indented, blank := false, false, true
	lines := bufio.NewScanner(bytes.NewReader(content))
	for number := 1; lines.Scan(); number++ {
		text := lines.Text()
		trimmed := strings.TrimSpace(text)
		if strings.HasPrefix(trimmed, "```") {
			fenced = !fenced
		}
		indented = strings.HasPrefix(text, "    ") && (blank || indented)
		blank = trimmed == ""
		if n := utf8.RuneCountInString(text); n > maxLine && !fenced && !indented && breakable(trimmed) {
			found = append(found, fmt.Sprintf("%s:%d: %d characters, want at most %d", file, number, n, maxLine))
		}
	}
	return found
}

// breakable tells whether a long line could be wrapped: it is no row of a table, and
// more than one link or word stands on it.
func breakable(line string) bool {
	if strings.HasPrefix(line, "|") {
		return false
	}
	if before, _, link := strings.Cut(line, "]("); link {
		line = before + line[strings.LastIndexByte(line, ')')+1:]
		return utf8.RuneCountInString(line) > maxLine
	}
	return strings.Contains(strings.TrimLeft(line, "-*#>0123456789. "), " ")
}

// subjects complains about the subjects of a log of lines "hash subject".
func subjects(log string) []string {
	var found []string
	for line := range strings.Lines(log) {
		hash, subject, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n := utf8.RuneCountInString(subject); n > maxSubject {
			found = append(found, fmt.Sprintf("commit %s: its subject has %d characters, want at most %d", hash, n, maxSubject))
		}
	}
	return found
}
