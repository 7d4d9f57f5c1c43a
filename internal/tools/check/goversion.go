package main

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// goVersions complains about every place that names another Go than go.mod does.
// A workflow names none: it takes go.mod's.
func goVersions(tree fs.FS, files []string) ([]string, error) {
	module, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		return nil, err
	}
	named := regexp.MustCompile(`(?m)^go (\d+\.\d+\.\d+)$`).FindSubmatch(module)
	if named == nil {
		return []string{"go.mod: want a go line with a patch release, such as go 1.26.8"}, nil
	}
	want := string(named[1])
	var found []string
	for _, file := range files {
		kind := path.Base(file)
		workflow := strings.HasSuffix(file, ".yml") || strings.HasSuffix(file, ".yaml")
		if kind != "go.mod" && kind != "Dockerfile" && !workflow {
			continue
		}
		content, err := fs.ReadFile(tree, file)
		if err != nil {
			return nil, err
		}
		switch text := string(content); kind {
		case "go.mod":
			found = append(found, differing(file, text, `(?m)^(?:go |toolchain go)(\S+)$`, want)...)
		case "Dockerfile":
			found = append(found, differing(file, text, `\bgolang:([0-9.]+)`, want)...)
		default:
			found = append(found, workflowVersions(file, text)...)
		}
	}
	return found, nil
}

// differing complains about each match whose first group isn't the version, and
// about a file that has none.
func differing(file, text, pattern, want string) []string {
	matches := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
	if matches == nil {
		return []string{fmt.Sprintf("%s: names no Go version, want %s", file, want)}
	}
	var found []string
	for _, match := range matches {
		if match[1] != want {
			found = append(found, fmt.Sprintf("%s: has Go %s, go.mod has %s", file, match[1], want))
		}
	}
	return found
}

// workflowVersions wants each set-up of Go to read go.mod.
func workflowVersions(file, text string) []string {
	var found []string
	if strings.Contains(text, "go-version:") {
		found = append(found, file+": names a Go version; want go-version-file: go.mod")
	}
	if uses, files := strings.Count(text, "actions/setup-go@"), strings.Count(text, "go-version-file: go.mod"); uses != files {
		found = append(found, fmt.Sprintf("%s: %d of %d uses of setup-go take go.mod's Go", file, files, uses))
	}
	return found
}
