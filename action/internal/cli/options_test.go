package cli_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/action/internal/setup"
)

// TestHelpIsTheTableOfOptions: every option of the command is a flag of some verb, with
// the default and the variable of the table.
func TestHelpIsTheTableOfOptions(t *testing.T) {
	t.Parallel()
	var help string
	for _, verb := range []string{
		"", "plan", "apply", "installations import", "connections ensure", "addon update", "stop clear", "push", "runs start", "deadletters list", "deadletters redrive",
	} {
		help += helpOf(t, strings.Fields(verb)...) + "\n"
	}
	help = regexp.MustCompile(`\n {20,}`).ReplaceAllString(help, " ") // a flag's text is wrapped
	for _, option := range new(setup.Options).List() {
		if !option.Flag || option.Hidden {
			continue
		}
		lines := regexp.MustCompile(`(?m)^\s+(?:-\w, )?--`+option.FlagName()+` .*$`).FindAllString(help, -1)
		if len(lines) == 0 {
			t.Errorf("no verb has --%s", option.FlagName())
		}
		for _, line := range lines {
			if !strings.Contains(line, "[$"+option.Variable()+"]") {
				t.Errorf("the help doesn't name %s: %s", option.Variable(), line)
			}
			_, shown, _ := strings.Cut(line, "(default ")
			if want := option.Default; want != "false" && strings.TrimSuffix(shown, ")") != want {
				t.Errorf("the default is %q: %s", want, line)
			}
		}
	}
}

// TestDefaultsOfOptionsAreValid: an option takes its own default, which Defaults sets.
func TestDefaultsOfOptionsAreValid(t *testing.T) {
	t.Parallel()
	defaults := setup.Defaults()
	set := defaults.List()
	for i, option := range new(setup.Options).List() {
		if option.Default != "" {
			if err := option.Set(option.Default); err != nil {
				t.Errorf("%s: %v", option.Name, err)
			}
		}
		if got := set[i].Value.String(); got != option.Default {
			t.Errorf("%s is %q without anything set, and its default is %q", option.Name, got, option.Default)
		}
	}
}
