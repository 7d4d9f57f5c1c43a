package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/cli"
)

var (
	// code is a shell example, or code within a sentence.
	code = regexp.MustCompile("(?s)```sh\n.*?```|`linkersync [^`]*`")
	// documented is a call of linkersync in it, up to what ends the call.
	documented = regexp.MustCompile("(?m)(?:^`?|\\| )\\s*(?:bin/)?linkersync ([a-z][^|>#\n`]*)")
)

// Every command in the documents exists, with each of its flags.
func TestDocumentedCommandsExist(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "../../../README.md", "../../../SECURITY.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range code.FindAllString(string(text), -1) {
			for _, call := range documented.FindAllStringSubmatch(strings.ReplaceAll(example, "\\\n", " "), -1) {
				found++
				checkDocumented(t, filepath.Base(page), call[1])
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d commands found: is the pattern right?", found)
	}
}

func checkDocumented(t *testing.T, page, call string) {
	t.Helper()
	words := strings.Fields(call)
	help := helpOf(t, words[0])
	if strings.Contains(help, "Available Commands:") && len(words) > 1 {
		help = helpOf(t, words[0], words[1])
	}
	if help == "" {
		t.Errorf("%s: there is no verb in %q", page, call)
		return
	}
	for _, word := range words[1:] {
		name, _, _ := strings.Cut(word, "=")
		if strings.HasPrefix(name, "-") && name != "-" && !regexp.MustCompile(regexp.QuoteMeta(name)+`[ ,\n]`).MatchString(help) {
			t.Errorf("%s: %q has no flag %s", page, call, name)
		}
	}
}

// helpOf returns a verb's own help, or nothing when there is no such verb.
func helpOf(t *testing.T, verbs ...string) string {
	t.Helper()
	var stdout bytes.Buffer
	code := cli.Run(t.Context(), append(verbs, "--help"), cli.Process{Getenv: func(string) string { return "" }, Stdout: &stdout, Stderr: &bytes.Buffer{}})
	if own := "\n  " + strings.Join(append([]string{"linkersync"}, verbs...), " ") + " "; code != 0 || !strings.Contains(stdout.String(), own) {
		return ""
	}
	return stdout.String()
}

// Every verb is in the program's help, and no help has a line of more than 80 columns.
func TestHelp(t *testing.T) {
	t.Parallel()
	all := helpOf(t)
	var check func(command *cobra.Command)
	check = func(command *cobra.Command) {
		words := strings.Fields(command.CommandPath())[1:]
		help := helpOf(t, words...)
		for line := range strings.Lines(help) {
			if width := utf8.RuneCountInString(strings.TrimRight(line, "\n")); width > 80 {
				t.Errorf("%s: %d columns: %s", command.CommandPath(), width, line)
			}
		}
		if len(words) == 1 && !command.Hidden && !strings.Contains(all, "\n  "+command.Name()+" ") {
			t.Errorf("linkersync --help lacks %s", command.Name())
		}
		for _, verb := range command.Commands() {
			check(verb)
		}
	}
	check(cli.Grammar())
}
