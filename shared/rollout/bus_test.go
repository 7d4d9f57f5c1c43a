package rollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/rollout"
)

// listen collects the events of a bus.
func (c *cloud) listen(bus string) func() []eventbridge.Event {
	var mu sync.Mutex
	var got []eventbridge.Event
	_, err := c.simulator.Events.On(bus, `{"source":["linkersync"]}`, func(_ context.Context, event eventbridge.Event) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, event)
	})
	c.must(err)
	return func() []eventbridge.Event {
		c.simulator.Events.Wait()
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

// TestSendRefusesWhatIsTooLarge before it calls: AWS would not say how large it was.
func TestSendRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	fits := rollout.Change{Manifest: strings.Repeat("x", 256<<10-len(rollout.Source+rollout.DetailChanged)-len(`{"manifest":""}`))}
	if _, err := rollout.Send(t.Context(), c.bus(), rollout.DetailChanged, fits); err != nil {
		t.Errorf("as large as it fits: %v", err)
	}
	calls := c.simulator.Faults.Count(fault.Target("PutEvents"))
	large := rollout.Change{Manifest: fits.Manifest + "x"}
	_, err := rollout.Send(t.Context(), c.bus(), rollout.DetailChanged, large)
	if !errors.Is(err, rollout.ErrTooLarge) || !strings.Contains(err.Error(), "262145 bytes") || !strings.Contains(err.Error(), "262144") {
		t.Errorf("error %v, want ErrTooLarge with both sizes", err)
	}
	if got := c.simulator.Faults.Count(fault.Target("PutEvents")); got != calls {
		t.Errorf("%d calls, want none", got-calls)
	}
}

func TestSendReportsWhatEventBridgeRefuses(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	bus := c.bus()
	c.simulator.Faults.Add(fault.Target("PutEvents"), fault.Once(), fault.Respond(200,
		map[string][]string{"Content-Type": {"application/x-amz-json-1.1"}}, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException"}]}`))
	if id, err := rollout.Send(t.Context(), bus, rollout.DetailApplied, rollout.Applied{}); err == nil || !strings.Contains(err.Error(), "ThrottlingException") {
		t.Errorf("id %q, error %v", id, err)
	}
}

// A caller that sends one event uses its ID: an answer without one is an error.
func TestSendRefusesAnAnswerWithoutItsEvents(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	c.simulator.Faults.Add(fault.Target("PutEvents"), fault.Once(), fault.Respond(200,
		map[string][]string{"Content-Type": {"application/x-amz-json-1.1"}}, `{"FailedEntryCount":0,"Entries":[]}`))
	if id, err := rollout.Send(t.Context(), c.bus(), rollout.DetailApplied, rollout.Applied{}); err == nil {
		t.Errorf("id %q and no error", id)
	}
}

func TestAnnounceTellsAtLeastOnce(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	table, bus := c.table(), c.bus()
	heard := c.listen(bus.Name)
	run, messages := opened(t, table, "r", 1)
	announce := func(wantFinished, wantError bool) {
		t.Helper()
		_, finished, err := rollout.Announce(t.Context(), table, bus, run)
		if finished != wantFinished || (err != nil) != wantError {
			t.Errorf("finished %v, error %v; want %v, error %v", finished, err, wantFinished, wantError)
		}
	}
	announce(false, false) // nothing is reported yet
	run, err := table.Report(t.Context(), messages[0], rollout.Result{Outcome: rollout.Changed})
	c.must(err)
	// The first caller dies between marking the run and sending the event.
	refused := c.simulator.Faults.Add(fault.Target("PutEvents"), fault.Always(), fault.AWSError(400, "AccessDeniedException", ""))
	announce(false, true)
	refused.Remove()
	announce(true, false)
	run, err = table.Run(t.Context(), "r")
	c.must(err)
	announce(false, false)
	events := heard()
	if len(events) != 1 || events[0].DetailType != rollout.DetailFinished {
		t.Fatalf("events %v, want one Run Finished", events)
	}
	var finished rollout.Finished
	c.must(json.Unmarshal(events[0].Detail, &finished))
	if diff := cmp.Diff(run.Finished(), finished); diff != "" || finished.Changed != 1 {
		t.Errorf("Run Finished (-run +event):\n%s", diff)
	}
}
