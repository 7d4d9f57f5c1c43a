package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/rollout"
	"github.com/linkersync/linkersync/shared/s3object"
)

// interrupted is a table whose calls of one operation wait for something else, or are
// followed by it; an error of it is the answer to the call, which was made all the same.
type interrupted struct {
	rollout.Caller
	operation string
	after     bool
	calls     int
	by        func(call int) error
}

func (i *interrupted) Call(ctx context.Context, operation string, in, out any) error {
	if operation != i.operation {
		return i.Caller.Call(ctx, operation, in, out)
	}
	i.calls++
	if i.after {
		err := i.Caller.Call(ctx, operation, in, out)
		return errors.Join(err, i.by(i.calls))
	}
	died := i.by(i.calls)
	return errors.Join(i.Caller.Call(ctx, operation, in, out), died)
}

// keep sends the event of a manifest that was sent some seconds after noon.
func (c *cloud) keep(table *rollout.Table, desired rollout.Desired, value string, second int) (ours bool, err error) {
	origin := rollout.Origin{Run: value, At: noon.Add(time.Duration(second) * time.Second)}
	_, ours, err = desired.Keep(c.t.Context(), table, origin, rollout.DefaultScope, manifestOf(value))
	return ours, err
}

func (c *cloud) inForce(desired rollout.Desired) string {
	c.t.Helper()
	state, err := desired.Default(c.t.Context())
	c.must(err)
	return state.Manifest.Linkers[0].Values[0]
}

// TestTheLaterEventWinsInTheMiddleOfTheOther: each interrupts the other between its
// steps. First comes the look at the scope, then the note of the time, then the claim.
func TestTheLaterEventWinsInTheMiddleOfTheOther(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		operation      string
		after          bool
		second         int // of the one that is interrupted; the other is of second 1
		ours           bool
		othersWasThere bool
	}{
		"the earlier one, before its note":  {"UpdateItem", false, 0, false, true},
		"the earlier one, after its note":   {"UpdateItem", true, 0, false, true},
		"the earlier one, before its write": {"PutItem", true, 0, false, true},
		"the later one, before its note":    {"UpdateItem", false, 2, true, true},
		"the later one, after its note":     {"UpdateItem", true, 2, true, false},
		"the later one, before its write":   {"PutItem", true, 2, true, false},
	} {
		for _, before := range []string{"", "BEFORE"} {
			t.Run(name+", over "+before, func(t *testing.T) {
				t.Parallel()
				c := newCloud(t)
				table, desired := c.table(), c.desired()
				if before != "" {
					_, err := desired.Objects.Put(t.Context(), rollout.DefaultScope, manifestOf(before))
					c.must(err)
				}
				slow := *table
				slow.DynamoDB = &interrupted{Caller: table.DynamoDB, operation: test.operation, after: test.after, by: func(call int) error {
					if call != 1 {
						return nil
					}
					ours, err := c.keep(table, desired, "OTHER", 1)
					if ours != test.othersWasThere {
						t.Errorf("the other one: ours %v, want %v", ours, test.othersWasThere)
					}
					return err
				}}
				ours, err := c.keep(&slow, desired, "SLOW", test.second)
				if ours != test.ours || err != nil {
					t.Errorf("ours %v, error %v; want %v", ours, err, test.ours)
				}
				want := map[bool]string{true: "SLOW", false: "OTHER"}[test.ours]
				if got := c.inForce(desired); got != want {
					t.Errorf("in force is %s, want %s", got, want)
				}
			})
		}
	}
}

// TestAnEventThatDiesAfterItsLostRaceIsRepeated with success: what it lost to is the
// earlier one, which is not to stay for that.
func TestAnEventThatDiesAfterItsLostRaceIsRepeated(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table, desired := c.table(), c.desired()
	slow := *table
	slow.DynamoDB = &interrupted{Caller: table.DynamoDB, operation: "UpdateItem", by: func(call int) error {
		switch call {
		case 1: // its note
			_, err := c.keep(table, desired, "EARLIER", 1)
			return err
		case 3: // its new claim
			return errors.New("the process died")
		}
		return nil
	}}
	if _, err := c.keep(&slow, desired, "LATER", 2); err == nil {
		t.Fatal("it didn't die")
	}
	if got := c.inForce(desired); got != "EARLIER" {
		t.Fatalf("in force is %s, want the one that it lost to", got)
	}
	ours, err := c.keep(table, desired, "LATER", 2)
	if got := c.inForce(desired); got != "LATER" || !ours || err != nil {
		t.Errorf("in force is %s, ours %v, error %v; want the later one", got, ours, err)
	}
}

// TestKeepWhoseAnswerWasLostIsOurs: the client repeats the write, and meets its own.
func TestKeepWhoseAnswerWasLostIsOurs(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	table, desired := c.table(), c.desired()
	rule := c.simulator.Faults.Add(fault.Match{Method: http.MethodPut}, fault.Once(), fault.ResetAfter())
	ours, err := c.keep(table, desired, "OURS", 1)
	if !ours || err != nil || rule.Fired() != 1 {
		t.Errorf("ours %v, error %v, %d answers lost; want ours after one", ours, err, rule.Fired())
	}
}

// TestKeepGivesUpOnAScopeThatOthersKeepWritingTo with an error, after which the event
// comes again.
func TestKeepGivesUpOnAScopeThatOthersKeepWritingTo(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	table, desired := c.table(), c.desired()
	busy, uploads := *table, 0
	busy.DynamoDB = &interrupted{Caller: table.DynamoDB, operation: "UpdateItem", by: func(int) error {
		uploads++
		_, err := desired.Objects.Put(t.Context(), rollout.DefaultScope, manifestOf(fmt.Sprintf("UPLOAD%d", uploads)))
		return err
	}}
	if ours, err := c.keep(&busy, desired, "OURS", 1); ours || !errors.Is(err, s3object.ErrReplaced) {
		t.Errorf("ours %v, error %v; want ErrReplaced", ours, err)
	}
	if got, want := c.inForce(desired), fmt.Sprintf("UPLOAD%d", uploads); got != want {
		t.Errorf("in force is %s, want %s", got, want)
	}
}
