package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/rollout"
)

// interrupted is a bucket in which something happens before each write.
type interrupted struct {
	rollout.S3
	by func() error
}

func (i interrupted) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := i.by(); err != nil {
		return nil, err
	}
	return i.S3.PutObject(ctx, in, options...)
}

// keep sends the event of a manifest that was sent some seconds after noon.
func (c *cloud) keep(desired rollout.Desired, value string, second int) (ours bool, err error) {
	_, ours, err = desired.Keep(c.t.Context(), rollout.Origin{Run: value, At: noon.Add(time.Duration(second) * time.Second)}, rollout.DefaultScope, manifestOf(value))
	return ours, err
}

func (c *cloud) inForce(desired rollout.Desired) string {
	c.t.Helper()
	state, err := desired.Default(c.t.Context())
	c.must(err)
	return state.Manifest.Linkers[0].Values[0]
}

// TestWhatWasSentLastAndCouldBeStoredIsInForce, and what Keep says of each event is true.
func TestWhatWasSentLastAndCouldBeStoredIsInForce(t *testing.T) {
	t.Parallel()
	type event struct {
		value  string
		second int
		fails  bool // the write to S3, for good
		ours   bool
	}
	for name, test := range map[string]struct {
		events []event
		want   string
	}{
		"in order":                            {[]event{{"A", 1, false, true}, {"B", 2, false, true}}, "B"},
		"swapped":                             {[]event{{"B", 2, false, true}, {"A", 1, false, false}}, "B"},
		"the later one can't be stored":       {[]event{{"B", 2, true, false}, {"A", 1, false, true}}, "A"},
		"the later one of three can't":        {[]event{{"C", 3, true, false}, {"A", 1, false, true}, {"B", 2, false, true}}, "B"},
		"the later one can be, in the end":    {[]event{{"B", 2, true, false}, {"A", 1, false, true}, {"B", 2, false, true}}, "B"},
		"the same manifest was sent later":    {[]event{{"B", 1, false, true}, {"B", 3, false, true}, {"A", 2, false, false}}, "B"},
		"again, and replaced in its second":   {[]event{{"A", 1, false, true}, {"B", 1, false, true}, {"A", 1, false, false}}, "B"},
		"again, and replaced by an older one": {[]event{{"B", 2, true, false}, {"A", 1, false, true}, {"A", 1, false, true}}, "A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			desired := c.desired()
			for i, e := range test.events {
				writing := desired
				if e.fails {
					writing.Objects.S3 = interrupted{desired.Objects.S3, func() error { return errors.New("no write") }}
				}
				if ours, err := c.keep(writing, e.value, e.second); ours != e.ours || (err != nil) != e.fails {
					t.Errorf("event %d: ours %v, error %v; want %+v", i+1, ours, err, e)
				}
			}
			if got := c.inForce(desired); got != test.want {
				t.Errorf("in force is %s, want %s", got, test.want)
			}
		})
	}
}

// TestTheLaterEventWinsInTheMiddleOfTheOther, which is between its look and its write.
func TestTheLaterEventWinsInTheMiddleOfTheOther(t *testing.T) {
	t.Parallel()
	for second, ours := range map[int]bool{0: false, 2: true} {
		for _, before := range []string{"", "BEFORE"} {
			c := newCloud(t)
			desired := c.desired()
			if before != "" {
				_, err := c.keep(desired, before, -1)
				c.must(err)
			}
			slow, calls := desired, 0
			slow.Objects.S3 = interrupted{desired.Objects.S3, func() error {
				if calls++; calls > 1 {
					return nil
				}
				_, err := c.keep(desired, "OTHER", 1)
				return err
			}}
			got, err := c.keep(slow, "SLOW", second)
			if want := map[bool]string{true: "SLOW", false: "OTHER"}[ours]; got != ours || err != nil || c.inForce(desired) != want {
				t.Errorf("sent at %d over %q: ours %v, error %v, in force is %s", second, before, got, err, c.inForce(desired))
			}
		}
	}
}

// TestAnUploadCountsFromItsTime: an event that was sent before it does not replace it.
func TestAnUploadCountsFromItsTime(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	desired := c.desired()
	_, err := desired.Objects.Put(t.Context(), rollout.DefaultScope, manifestOf("UPLOAD"))
	c.must(err)
	for value, test := range map[string]struct {
		at   time.Time
		ours bool
	}{"BEFORE": {time.Now().Add(-time.Minute), false}, "AFTER": {time.Now().Add(time.Minute), true}} {
		_, ours, err := desired.Keep(t.Context(), rollout.Origin{Run: value, At: test.at}, rollout.DefaultScope, manifestOf(value))
		if ours != test.ours || err != nil {
			t.Errorf("%s: ours %v, error %v", value, ours, err)
		}
		if !test.ours && c.inForce(desired) == value {
			t.Errorf("%s replaced a newer manifest", value)
		}
	}
}

// TestKeepWhoseAnswerWasLostIsOurs: the client repeats the write, and meets its own.
func TestKeepWhoseAnswerWasLostIsOurs(t *testing.T) {
	t.Parallel()
	c := simulated(t)
	desired := c.desired()
	rule := c.simulator.Faults.Add(fault.Match{Method: http.MethodPut}, fault.Once(), fault.ResetAfter())
	if ours, err := c.keep(desired, "OURS", 1); !ours || err != nil || rule.Fired() != 1 {
		t.Errorf("ours %v, error %v, %d answers lost; want ours after one", ours, err, rule.Fired())
	}
}

// TestKeepGivesUpOnAScopeThatOthersKeepWritingTo with an error, after which the event
// comes again.
func TestKeepGivesUpOnAScopeThatOthersKeepWritingTo(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	desired := c.desired()
	busy, others := desired, 0
	busy.Objects.S3 = interrupted{desired.Objects.S3, func() error {
		others++
		_, err := c.keep(desired, fmt.Sprintf("OTHER%d", others), 1)
		return err
	}}
	if ours, err := c.keep(busy, "OURS", 1); ours || !errors.Is(err, rollout.ErrReplaced) || others > 10 {
		t.Errorf("ours %v, error %v after %d writes; want ErrReplaced", ours, err, others)
	}
}
