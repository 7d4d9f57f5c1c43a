package platform

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks a line between words so that none has more than width columns. Each line
// is indented as the first is. A word that is longer stays whole.
func Wrap(line string, width int) string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var lines []string
	current := indent
	for _, word := range strings.Fields(line) {
		if current != indent && utf8.RuneCountInString(current)+utf8.RuneCountInString(word) > width {
			lines, current = append(lines, strings.TrimRight(current, " ")), indent
		}
		current += word + " "
	}
	return strings.Join(append(lines, strings.TrimRight(current, " ")), "\n")
}
