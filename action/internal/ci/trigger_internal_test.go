package ci

import (
	"testing"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// TestStrangersChangesOnlyPlan, whatever else the command would do with the owners'
// secrets.
func TestStrangersChangesOnlyPlan(t *testing.T) {
	t.Parallel()
	for _, trigger := range []platform.Trigger{{Fork: true, PullRequest: true}, {Dangerous: true}} {
		for _, command := range []string{"apply", "connections", "export"} {
			if allow(Config{Command: command}, trigger) == nil {
				t.Errorf("%s is allowed for %+v", command, trigger)
			}
		}
		if err := allow(Config{Command: "plan"}, trigger); err != nil {
			t.Errorf("plan: %v", err)
		}
	}
	if err := allow(Config{Command: "apply"}, platform.Trigger{PullRequest: true}); err != nil {
		t.Errorf("apply of the repository's own pull request: %v", err)
	}
}
