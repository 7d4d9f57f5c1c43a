package stack_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/rollout"
)

// detailInReason finds the event that a dead letter's reason says to send.
var detailInReason = regexp.MustCompile(`\{"inst.*\}$`)

// testPrune: a large prune is held back until what the dead letter says is sent, and
// then only for its workspace; a manifest without linkers changes nothing.
func testPrune(t *testing.T, binaries string) {
	s, logs := start(t, binaries)
	ended := finished(t, s)
	end := func(c rollout.Change) (result rollout.Finished) {
		t.Helper()
		run := change(t, s, c)
		eventually(t, logs, "run "+run, func() (ok bool) { result, ok = ended(run); return ok })
		return result
	}
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprint("V", i))
	}
	if err := s.Populate(t.Context(), 2, map[string][]string{"issues": many}); err != nil {
		t.Fatal(err)
	}
	if held := end(rollout.Change{Manifest: manifestOf("ONE")}); held.Failed != 2 || held.Removed != 0 {
		t.Fatalf("without a yes: %+v, want both failed and nothing removed", held)
	}
	eventually(t, logs, "two dead letters", func() bool { return len(s.AWS.Queues.Messages(stack.DeadLetters)) == 2 })
	reason := s.AWS.Queues.Messages(stack.DeadLetters)[0].Attributes["reason"]
	yes, err := rollout.Decode[rollout.Change]([]byte(detailInReason.FindString(reason)))
	if err != nil {
		t.Fatalf("the reason %q holds no event to send: %v", reason, err)
	}
	if done := end(yes); done.Changed != 1 || done.Total != 1 || done.Removed != 30 {
		t.Errorf("what the dead letter says: %+v, want its workspace changed, 30 removed", done)
	}
	if empty := end(rollout.Change{Manifest: "version: 1\n"}); !strings.Contains(empty.Refused, "no linkers") {
		t.Errorf("without linkers: %+v, want it refused", empty)
	}
	if done := end(rollout.Change{Manifest: manifestOf("ONE"), AllowPrune: true}); done.Changed != 1 || done.Unchanged != 1 || done.Removed != 30 {
		t.Errorf("with a yes for all: %+v, want the other workspace changed", done)
	}
}
