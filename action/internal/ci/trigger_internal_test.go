package ci

import (
	"strings"
	"testing"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
)

// TestStrangersChangesOnlyPlan goes through every known event, and one that is not.
func TestStrangersChangesOnlyPlan(t *testing.T) {
	t.Parallel()
	rules := append(platform.Rules(), platform.Rule{Event: "unknown", Trust: platform.Untrusted})
	for _, rule := range rules {
		refused := rule.Trust == platform.NoSecrets || rule.Trust == platform.Untrusted
		trigger := platform.Trigger{Event: rule.Event, Trust: rule.Trust}
		for _, command := range []string{"apply", "connections", "export"} {
			err := allow(setup.Options{Command: command}, trigger)
			if (err != nil) != refused {
				t.Errorf("%s: %s by %s: %v", rule.CI, command, rule.Event, err)
			}
			if rule.Trust == platform.Untrusted && !strings.Contains(err.Error(), `"`+rule.Event+`"`) {
				t.Errorf("the error doesn't name the event: %v", err)
			}
			if err := allow(setup.Options{Command: command, AllowUntrustedTrigger: true}, trigger); err != nil {
				t.Errorf("%s is refused with a yes: %v", rule.Event, err)
			}
		}
		if err := allow(setup.Options{Command: "plan"}, trigger); err != nil {
			t.Errorf("plan by %s: %v", rule.Event, err)
		}
	}
}
