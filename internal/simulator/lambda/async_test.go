package lambda_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

var errFailed = errors.New("the function failed")

// journal is a function that plays outcomes one after another, the last one for
// ever, and the clock that its retries wait on.
type journal struct {
	outcomes []error

	mu      sync.Mutex
	now     time.Time
	calls   int
	waits   []time.Duration
	letters []lambda.DeadLetter
}

func (j *journal) Invoke(context.Context, []byte) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	outcome := j.outcomes[min(j.calls, len(j.outcomes)-1)]
	j.calls++
	return []byte("null"), outcome
}

// async returns a queue in front of j whose waits pass at once.
func (j *journal) async(t *testing.T) *lambda.Async {
	t.Helper()
	queue := lambda.NewAsync(lambda.AsyncOptions{
		Function: j,
		DeadLetter: func(_ context.Context, letter lambda.DeadLetter) {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.letters = append(j.letters, letter)
		},
		Sleep: func(_ context.Context, duration time.Duration) error {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.waits = append(j.waits, duration)
			j.now = j.now.Add(duration)
			return nil
		},
		Now: func() time.Time {
			j.mu.Lock()
			defer j.mu.Unlock()
			return j.now
		},
	})
	t.Cleanup(queue.Stop)
	return queue
}

func TestAsyncRetries(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	letter := func(condition string, attempts int, err error) []lambda.DeadLetter {
		return []lambda.DeadLetter{{Payload: []byte(`{"n":1}`), Condition: condition, Attempts: attempts, Err: err}}
	}
	other := errors.New("loopback is gone")
	tests := map[string]struct {
		outcomes []error
		calls    int
		waits    []time.Duration
		letters  []lambda.DeadLetter
	}{
		"it works":                  {[]error{nil}, 1, nil, nil},
		"it works the second time":  {[]error{errFailed, nil}, 2, []time.Duration{minute}, nil},
		"it works the third time":   {[]error{errFailed, errFailed, nil}, 3, []time.Duration{minute, 2 * minute}, nil},
		"it never works":            {[]error{errFailed}, 3, []time.Duration{minute, 2 * minute}, letter("RetriesExhausted", 3, errFailed)},
		"the last error counts":     {[]error{errFailed, errFailed, other}, 3, []time.Duration{minute, 2 * minute}, letter("RetriesExhausted", 3, other)},
		"being busy is no attempt":  {[]error{lambda.ErrThrottled, lambda.ErrThrottled, errFailed, nil}, 4, []time.Duration{minute, 2 * minute, 2 * minute}, nil},
		"being stopped is no error": {[]error{lambda.ErrStopped}, 1, nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &journal{outcomes: test.outcomes}
			queue := j.async(t)
			if err := queue.Send([]byte(`{"n":1}`)); err != nil {
				t.Fatal(err)
			}
			if err := queue.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if j.calls != test.calls {
				t.Errorf("%d calls, want %d", j.calls, test.calls)
			}
			if diff := cmp.Diff(test.waits, j.waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.letters, j.letters, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("dead letters (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAsyncGivesUpOnEventsThatGrowOld(t *testing.T) {
	t.Parallel()
	j := &journal{outcomes: []error{lambda.ErrThrottled}}
	queue := j.async(t)
	if err := queue.Send([]byte(`1`)); err != nil {
		t.Fatal(err)
	}
	if err := queue.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	// One wait of a minute, the others of two, up to six hours.
	if len(j.letters) != 1 || j.letters[0].Condition != "EventAgeExceeded" || j.letters[0].Attempts != 0 || len(j.waits) != 181 {
		t.Errorf("dead letters %+v after %d waits", j.letters, len(j.waits))
	}
}

func TestAsyncChecksEvents(t *testing.T) {
	t.Parallel()
	j := &journal{outcomes: []error{nil}}
	queue := j.async(t)
	for name, payload := range map[string]string{
		"empty":     "",
		"not JSON":  "{",
		"too large": `"` + strings.Repeat("x", lambda.MaxAsyncPayload-1) + `"`,
	} {
		if err := queue.Send([]byte(payload)); !errors.Is(err, lambda.ErrPayload) {
			t.Errorf("%s: error = %v, want ErrPayload", name, err)
		}
	}
	if err := queue.Send([]byte(`"` + strings.Repeat("x", lambda.MaxAsyncPayload-2) + `"`)); err != nil {
		t.Errorf("the largest event is refused: %v", err)
	}
}

func TestAsyncIsBounded(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	queue := lambda.NewAsync(lambda.AsyncOptions{Function: invoker(func(context.Context, []byte) ([]byte, error) {
		<-hold
		return nil, nil
	})})
	t.Cleanup(queue.Stop)
	for i := range 1000 {
		if err := queue.Send([]byte(`{}`)); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	if err := queue.Send([]byte(`{}`)); !errors.Is(err, lambda.ErrQueueFull) {
		t.Errorf("error = %v, want ErrQueueFull", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := queue.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("wait ended with %v, want the context's error", err)
	}
	close(hold)
	if err := queue.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := queue.Send([]byte(`{}`)); err != nil {
		t.Errorf("the queue is empty and refuses: %v", err)
	}
}

// TestAsyncStopDropsWhatWaits: the event between two tries neither runs again nor
// becomes a dead letter.
func TestAsyncStopDropsWhatWaits(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	calls := 0
	queue := lambda.NewAsync(lambda.AsyncOptions{
		Function: invoker(func(context.Context, []byte) ([]byte, error) {
			calls++
			return nil, errFailed
		}),
		DeadLetter: func(context.Context, lambda.DeadLetter) { t.Error("a dead letter came") },
		Sleep: func(ctx context.Context, _ time.Duration) error {
			close(waiting)
			<-ctx.Done()
			return ctx.Err()
		},
	})
	if err := queue.Send([]byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	<-waiting
	queue.Stop()
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	if err := queue.Send([]byte(`{}`)); !errors.Is(err, lambda.ErrStopped) {
		t.Errorf("error = %v, want ErrStopped", err)
	}
	queue.Stop()
}

func TestAsyncWithARealFunction(t *testing.T) {
	t.Parallel()
	function := start(t, nil)
	letters := make(chan lambda.DeadLetter, 1)
	queue := lambda.NewAsync(lambda.AsyncOptions{
		Function:   function,
		DeadLetter: func(_ context.Context, letter lambda.DeadLetter) { letters <- letter },
		Sleep:      func(context.Context, time.Duration) error { return nil },
	})
	t.Cleanup(queue.Stop)
	for _, payload := range []string{`{"do":"echo"}`, `{"do":"exit"}`} {
		if err := queue.Send([]byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if err := queue.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	var failed *lambda.FunctionError
	if letter := <-letters; letter.Attempts != 3 || string(letter.Payload) != `{"do":"exit"}` || !errors.As(letter.Err, &failed) || failed.Type != lambda.TypeExit {
		t.Errorf("dead letter %+v", letter)
	}
	if got := function.Stats(); got.Invocations != 4 || got.Failures != 3 {
		t.Errorf("%d invocations, %d failures, want 4 and 3", got.Invocations, got.Failures)
	}
}
