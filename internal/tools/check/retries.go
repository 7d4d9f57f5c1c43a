package main

import (
	"fmt"
	"io/fs"
	"regexp"
	"sync"
)

// retriesPage has a table of every bound of a retry.
const retriesPage = "docs/retries.md"

// bound matches a row of the table: what, name, value, file.
var bound = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\|$")
})

// retries complains about each bound of the page that its file doesn't have.
func retries(tree fs.FS) ([]string, error) {
	page, err := fs.ReadFile(tree, retriesPage)
	if err != nil {
		return nil, err
	}
	rows := bound().FindAllSubmatch(page, -1)
	if len(rows) == 0 {
		return []string{retriesPage + ": no row of its table can be read"}, nil
	}
	var found []string
	for _, row := range rows {
		name, value, file := string(row[1]), string(row[2]), string(row[3])
		content, err := fs.ReadFile(tree, file)
		if err != nil {
			return nil, err
		}
		set := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\s*[:=]+\s*` + regexp.QuoteMeta(value) + `(\W|$)`)
		if !set.Match(content) {
			found = append(found, fmt.Sprintf("%s: %s has no %s of %s", retriesPage, file, name, value))
		}
	}
	return found, nil
}
