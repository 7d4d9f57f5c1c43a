package stack

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTimeoutsAreTheTemplates: a function that takes longer than it may when it is
// deployed has to fail here, too.
func TestTimeoutsAreTheTemplates(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	deployed := map[string]time.Duration{}
	for _, found := range regexp.MustCompile(`(?s)CodeUri: dist/(\w+)\.zip.*?\n      Timeout: (\d+)\n`).FindAllSubmatch(template, -1) {
		deployed[string(found[1])], err = time.ParseDuration(string(found[2]) + "s")
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(deployed, timeouts()); diff != "" {
		t.Errorf("time-outs (-template +stack):\n%s", diff)
	}
}

func TestStartRefusesOneWorker(t *testing.T) {
	t.Parallel()
	// One worker with two pollers loses a message to every throttled call for as long
	// as the visibility time-out; AWS doesn't let anybody deploy that.
	if s, err := Start(t.Context(), Options{Workers: 1}); err == nil {
		s.Stop()
		t.Error("started with one worker")
	}
}
