package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// match is a piece of a text that became a link.
type match struct {
	from, to int
	url      string
}

// linksIn finds the links of a text as Bitbucket does: (?K) in a linker's regex stands
// for the values that the workspace has.
// Source: https://developer.atlassian.com/cloud/bitbucket/modules/linkers/
func linksIn(descriptorFile, text string, values map[string][]string) ([]match, error) {
	data, err := os.ReadFile(descriptorFile)
	if err != nil {
		return nil, fmt.Errorf("read the descriptor: %w", err)
	}
	var app struct {
		BaseURL string
		Modules struct {
			Linkers []struct{ Key, Regex, URL string }
		}
	}
	if err := json.Unmarshal(data, &app); err != nil {
		return nil, fmt.Errorf("read the descriptor: %w", err)
	}
	var found []match
	for _, linker := range app.Modules.Linkers {
		if len(values[linker.Key]) == 0 {
			continue
		}
		quoted := make([]string, len(values[linker.Key]))
		for i, value := range values[linker.Key] {
			quoted[i] = regexp.QuoteMeta(value)
		}
		pattern, err := regexp.Compile(`\b` + strings.ReplaceAll(linker.Regex, "(?K)", "("+strings.Join(quoted, "|")+")"))
		if err != nil {
			return nil, fmt.Errorf("linker %s: %w", linker.Key, err)
		}
		target := strings.ReplaceAll(linker.URL, `\1`, "${1}")
		for _, at := range pattern.FindAllStringSubmatchIndex(text, -1) {
			found = append(found, match{at[0], at[1], app.BaseURL + string(pattern.ExpandString(nil, target, text, at))})
		}
	}
	slices.SortFunc(found, func(a, b match) int { return a.from - b.from })
	return found, nil
}

// draw shows a text, and under it where its links lead. paint marks a link.
func draw(out io.Writer, text string, links []match, paint func(string) string) {
	painted, end := "", 0
	for _, l := range links {
		painted += text[end:l.from] + paint(text[l.from:l.to])
		end = l.to
	}
	line := strings.Repeat("─", len(text)+2)
	_, _ = fmt.Fprintf(out, "  ┌%s┐\n  │ %s │\n  └%s┘\n", line, painted+text[end:], line)
	for i := len(links) - 1; i >= 0; i-- {
		row := []rune(strings.Repeat(" ", links[i].from+4))
		for _, l := range links[:i] {
			row[l.from+4] = '│'
		}
		_, _ = fmt.Fprintf(out, "%s└─ %s\n", string(row), paint(links[i].url))
	}
}
