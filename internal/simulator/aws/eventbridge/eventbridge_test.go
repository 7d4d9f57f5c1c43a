package eventbridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"
	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type world struct {
	*sdk.Client
	cloud *simulator.Server
}

func start(t *testing.T) *world {
	t.Helper()
	cloud := simulator.New(simulator.Options{Now: func() time.Time { return noon }})
	t.Cleanup(cloud.Close)
	return &world{sdk.NewFromConfig(cloud.Config(), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} }), cloud}
}

// inbox collects events as JSON, the way a Lambda function would get them.
type inbox struct {
	mu     sync.Mutex
	events []string
}

func (in *inbox) take(_ context.Context, event eventbridge.Event) {
	event.ID = "" // random
	encoded, err := json.Marshal(event)
	if err != nil {
		encoded = []byte(err.Error())
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.events = append(in.events, string(encoded))
}

func (w *world) on(t *testing.T, bus, pattern string) *inbox {
	t.Helper()
	in := &inbox{}
	if _, err := w.cloud.Events.On(bus, pattern, in.take); err != nil {
		t.Fatal(err)
	}
	return in
}

func (in *inbox) want(t *testing.T, w *world, want ...string) {
	t.Helper()
	w.cloud.Events.Wait()
	in.mu.Lock()
	defer in.mu.Unlock()
	if diff := cmp.Diff(want, in.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func (w *world) put(t *testing.T, entries ...types.PutEventsRequestEntry) *sdk.PutEventsOutput {
	t.Helper()
	out, err := w.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func entry(source, detailType, detail string) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{Source: &source, DetailType: &detailType, Detail: &detail}
}

func TestEventsReachTheirTarget(t *testing.T) {
	t.Parallel()
	w := start(t)
	bus, err := w.CreateEventBus(t.Context(), &sdk.CreateEventBusInput{Name: aws.String("links")})
	if err != nil {
		t.Fatal(err)
	}
	other := w.on(t, "links", `{"source":["other"]}`) // and those after it are still asked
	custom := w.on(t, "links", `{"source":["linkersync"]}`)
	standard := w.on(t, eventbridge.DefaultBus, `{"source":["linkersync"]}`)

	named := entry("linkersync", "Named", `{"a":1}`)
	named.EventBusName = aws.String("links")
	byARN := entry("linkersync", "By ARN", `{}`)
	byARN.EventBusName = bus.EventBusArn
	byARN.Time, byARN.Resources = aws.Time(noon.Add(-time.Hour)), []string{"arn:x"}
	for _, e := range []types.PutEventsRequestEntry{named, byARN, entry("linkersync", "Default", `{}`)} {
		out := w.put(t, e)
		if out.FailedEntryCount != 0 || aws.ToString(out.Entries[0].EventId) == "" {
			t.Errorf("put: %+v", out)
		}
		w.cloud.Events.Wait() // deliveries have no order, so one at a time
	}
	other.want(t, w)
	custom.want(t, w,
		`{"version":"0","id":"","detail-type":"Named","source":"linkersync","account":"111122223333","time":"2026-03-01T12:00:00Z","region":"eu-central-1","resources":[],"detail":{"a":1}}`,
		`{"version":"0","id":"","detail-type":"By ARN","source":"linkersync","account":"111122223333","time":"2026-03-01T11:00:00Z","region":"eu-central-1","resources":["arn:x"],"detail":{}}`)
	standard.want(t, w,
		`{"version":"0","id":"","detail-type":"Default","source":"linkersync","account":"111122223333","time":"2026-03-01T12:00:00Z","region":"eu-central-1","resources":[],"detail":{}}`)
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	const detail = `{"bucket":{"name":"b"},"object":{"key":"installations/x.yaml","size":5},"tags":["red","blue"],"dry":false,"none":null}`
	for pattern, want := range map[string]bool{
		`{"source":["me"]}`:                           true,
		`{"source":["you","me"]}`:                     true,
		`{"source":["you"]}`:                          false,
		`{"source":["me"],"detail-type":["Changed"]}`: true,
		`{"source":["me"],"detail-type":["Other"]}`:   false,
		`{"source":[{"prefix":"m"}]}`:                 true,
		`{"source":[{"prefix":"e"}]}`:                 false,
		`{"account":["111122223333"]}`:                true,
		`{"detail":{"bucket":{"name":["b"]}}}`:        true,
		`{"detail":{"bucket":{"name":["c"]}}}`:        false,
		`{"detail":{"bucket":["b"]}}`:                 false,
		`{"detail":{"object":{"key":[{"prefix":"installations/"},"default.yaml"]}}}`: true,
		`{"detail":{"object":{"key":[{"prefix":"other/"},"default.yaml"]}}}`:         false,
		`{"detail":{"object":{"size":[5]}}}`:                                         true,
		`{"detail":{"object":{"size":["5"]}}}`:                                       false,
		`{"detail":{"dry":[false]}}`:                                                 true,
		`{"detail":{"none":[null]}}`:                                                 true,
		`{"detail":{"missing":[null]}}`:                                              false,
		`{"detail":{"tags":["blue"]}}`:                                               true,
		`{"detail":{"tags":["green"]}}`:                                              false,
		`{"source":[{"anything-but":"me"}]}`:                                         false,
		`{"source":[{"anything-but":"you"}]}`:                                        true,
		`{"source":[{"anything-but":{"prefix":"y"}}]}`:                               true,
		`{"source":[{"anything-but":{"prefix":"m"}}]}`:                               false,
		`{"detail":{"missing":[{"anything-but":"x"}]}}`:                              false,
		`{"detail":{"object":{"size":[{"prefix":"5"}]}}}`:                            false,
	} {
		w := start(t)
		in := w.on(t, eventbridge.DefaultBus, pattern)
		w.put(t, entry("me", "Changed", detail))
		w.cloud.Events.Wait()
		if got := len(in.events) == 1; got != want {
			t.Errorf("%s matches: %v, want %v", pattern, got, want)
		}
	}
}

func TestBadPatternsAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, pattern := range []string{
		``, `{`, `{}`, `{"source":"me"}`, `{"source":[]}`, `{"detail":{}}`, `{"source":[{"wildcard":"*"}]}`,
		`{"source":[{"prefix":1}]}`, `{"source":[{}]}`, `{"source":[{"suffix":"e"}]}`, `{"source":[{"exists":true}]}`, `{"source":[{"prefix":"a","suffix":"b"}]}`,
		`{"source":[{"anything-but":["a"]}]}`, `{"source":[{"anything-but":{"exists":true}}]}`, `{"$or":[{"source":["a"]}]}`, `{"detail":{"x":1}}`,
	} {
		if _, err := w.cloud.Events.On("default", pattern, func(context.Context, eventbridge.Event) {}); err == nil {
			t.Errorf("pattern %s was taken", pattern)
		}
	}
}

// TestEntriesFailOneByOne has what the contract of package aws doesn't: a detail that
// is no object, a long type, and that the valid entry is delivered.
func TestEntriesFailOneByOne(t *testing.T) {
	t.Parallel()
	w := start(t)
	in := w.on(t, eventbridge.DefaultBus, `{"source":["me"]}`)
	out := w.put(t, entry("me", "x", "[]"), entry("me", strings.Repeat("ä", 129), "{}"), entry("me", strings.Repeat("ä", 128), "{}"))
	var got []string
	for _, result := range out.Entries {
		got = append(got, aws.ToString(result.ErrorCode))
	}
	if diff := cmp.Diff([]string{"MalformedDetail", "InvalidArgument", ""}, got); diff != "" || out.FailedEntryCount != 2 {
		t.Errorf("%d failed; codes (-want +got):\n%s", out.FailedEntryCount, diff)
	}
	w.cloud.Events.Wait()
	if len(in.events) != 1 {
		t.Errorf("%d events were delivered, want the valid one", len(in.events))
	}
}

func TestRequestsAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	w := start(t)
	in := w.on(t, eventbridge.DefaultBus, `{"source":["s"]}`)
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	object := func(n int) string { return `{"a":` + text(n-6) + `}` } // n bytes in all
	for what, test := range map[string]struct {
		entries []types.PutEventsRequestEntry
		fails   bool
	}{
		"none":              {[]types.PutEventsRequestEntry{}, true},
		"256 KiB":           {[]types.PutEventsRequestEntry{entry("s", "t", object(256<<10-2))}, false},
		"more than 256 KiB": {[]types.PutEventsRequestEntry{entry("s", "t", object(200<<10)), entry("s", "t", object(56<<10))}, true},
	} {
		_, err := w.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: test.entries})
		if (err != nil) != test.fails || err != nil && !strings.Contains(err.Error(), "ValidationException") {
			t.Errorf("%s: error %v, want one: %v", what, err, test.fails)
		}
	}
	w.cloud.Events.Wait()
	if len(in.events) != 1 {
		t.Errorf("%d events were delivered, want 1", len(in.events))
	}
}

func TestBusNames(t *testing.T) {
	t.Parallel()
	w := start(t)
	if _, err := w.CreateEventBus(t.Context(), &sdk.CreateEventBusInput{Name: aws.String("mine")}); err != nil {
		t.Fatal(err)
	}
	for bus, lost := range map[string]int{"mine": 0, "nowhere": 1} {
		before, to := w.cloud.Events.Lost(), entry("me", "x", "{}")
		to.EventBusName = &bus
		if w.put(t, to); w.cloud.Events.Lost() != before+lost {
			t.Errorf("an event for the bus %s: %d are lost, want %d", bus, w.cloud.Events.Lost()-before, lost)
		}
	}
	for name, want := range map[string]string{
		"mine":    "ResourceAlreadyExistsException",
		"default": "ResourceAlreadyExistsException", "aws.partner": "ValidationException", "a b": "ValidationException",
	} {
		_, err := w.CreateEventBus(t.Context(), &sdk.CreateEventBusInput{Name: &name})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("create %q: %v, want %s", name, err, want)
		}
	}
}

func TestARuleEnds(t *testing.T) {
	t.Parallel()
	w := start(t)
	in := &inbox{}
	remove, err := w.cloud.Events.On("default", `{"source":["me"]}`, in.take)
	if err != nil {
		t.Fatal(err)
	}
	kept := w.on(t, "default", `{"source":["me"]}`)
	remove()
	w.put(t, entry("me", "x", "{}"))
	in.want(t, w)
	if len(kept.events) != 1 {
		t.Errorf("the other rule got %d events, want 1", len(kept.events))
	}
}

func TestWaitCoversEventsThatTargetsCause(t *testing.T) {
	t.Parallel()
	w := start(t)
	const steps = 20
	var mu sync.Mutex
	count := 0
	_, err := w.cloud.Events.On("default", `{"source":["aws.test"]}`, func(context.Context, eventbridge.Event) {
		mu.Lock()
		defer mu.Unlock()
		if count++; count < steps {
			w.cloud.Events.Emit("aws.test", fmt.Sprint("step ", count), nil, map[string]int{"n": count})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.cloud.Events.Emit("aws.test", "step 0", nil, map[string]int{})
	w.cloud.Events.Wait()
	if count != steps {
		t.Errorf("%d events were delivered when Wait returned, want %d", count, steps)
	}
}

func TestCloseEndsDeliveries(t *testing.T) {
	t.Parallel()
	cloud := simulator.New(simulator.Options{})
	started, ended := make(chan struct{}), make(chan struct{})
	_, err := cloud.Events.On("default", `{"source":["aws.test"]}`, func(ctx context.Context, _ eventbridge.Event) {
		close(started)
		<-ctx.Done()
		close(ended)
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud.Events.Emit("aws.test", "x", nil, struct{}{})
	<-started
	cloud.Close()
	select {
	case <-ended:
	default:
		t.Error("Close returned before the delivery ended")
	}
}
