package ci

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/rollout"
)

// answers is DynamoDB with one answer to every read. The scripts have the simulator's;
// in a bubble of synctest, where a minute takes no time, there is no network.
type answers string

func (a answers) Call(_ context.Context, operation string, _, out any) error {
	if operation != "GetItem" {
		return errors.New("a step only reads, and it called " + operation)
	}
	return json.Unmarshal([]byte(a), out)
}

const (
	nothing     = `{}`
	dispatching = `{"Item":{"run":{"S":"r"},"phase":{"S":"dispatching"},"queued":{"N":"3"}}}`
	working     = `{"Item":{"run":{"S":"r"},"phase":{"S":"working"},"run_total":{"N":"3"}}}`
)

// TestWhatAWaitingStepSays about a run that doesn't end: early, when nobody has taken
// the event, and when the time is up.
func TestWhatAWaitingStepSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		table   answers
		timeout time.Duration
		warned  bool
		end     string
	}{
		"nobody took it, soon":    {nothing, 50 * time.Second, false, `nobody has taken the event: is "the-bus" the bus of the stack whose table is "the-table"`},
		"nobody took it":          {nothing, time.Hour, true, "has not begun"},
		"dispatch doesn't end":    {dispatching, time.Hour, false, "EventDeadLetters"},
		"workers are not through": {working, time.Hour, false, "goes on without this step"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var said strings.Builder
				s := &step{config: setup.Options{Bus: "the-bus", Table: "the-table"}, out: io.Discard, session: setup.New(setup.Options{AppKey: "app"}, nothingSet, "test")}
				s.platform = platform.Detect(platform.Environment{Getenv: nothingSet, Stdout: &said, HTTP: http.DefaultTransport})
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				_, err := s.wait(ctx, &rollout.Table{DynamoDB: test.table, Name: "the-table"}, "r")
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), test.end) {
					t.Errorf("error %v, want one with %s", err, test.end)
				}
				if got := strings.Count(said.String(), "\n"); got > 1 || (got == 1) != test.warned {
					t.Errorf("%d lines, want one: %v: %s", got, test.warned, &said)
				}
			})
		})
	}
}

func nothingSet(string) string { return "" }
