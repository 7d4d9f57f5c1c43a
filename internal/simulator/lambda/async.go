package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/clock"
)

// What Lambda does with asynchronous invocations unless told otherwise.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
const (
	// MaxAsyncPayload is in bytes.
	MaxAsyncPayload = 1 << 20
	// AsyncRetries is how often a failed event is tried again.
	AsyncRetries = 2
	// AsyncMaxAge is how long an event that finds no free execution is kept.
	AsyncMaxAge = 6 * time.Hour
	// maxAsyncQueue bounds the events on their way.
	maxAsyncQueue = 1_000
)

// ErrQueueFull means that too many events are on their way.
var ErrQueueFull = errors.New("too many asynchronous events")

// AsyncOptions configure an [Async]. Function is required.
type AsyncOptions struct {
	Function Invoker
	// DeadLetter gets the events that failed for good; nil drops them.
	DeadLetter func(ctx context.Context, letter DeadLetter)
	// Sleep waits for the duration or the context; nil means real time. The waits
	// are AWS's: a minute, then two.
	Sleep func(ctx context.Context, duration time.Duration) error
	// Now is the clock for an event's age; nil means time.Now.
	Now func() time.Time
}

// DeadLetter is an event that failed for good.
type DeadLetter struct {
	Payload []byte
	// Condition is "RetriesExhausted" or "EventAgeExceeded", as in a destination's record.
	Condition string
	// Attempts is how often the function ran on it.
	Attempts int
	// Err is the last error.
	Err error
}

// Async invokes a function as EventBridge, S3 and schedules do: it takes an event,
// tries it up to three times and hands it to the dead-letter target when none
// worked. It is safe for concurrent use.
type Async struct {
	options AsyncOptions
	ctx     context.Context //nolint:containedctx // the life of the events, which outlive the calls that sent them
	cancel  context.CancelFunc

	mu      sync.Mutex
	pending int
	// drained is closed when pending is zero; each Send that finds it so makes a new one.
	drained chan struct{}
}

// NewAsync returns a queue of events for one function. Stop it.
func NewAsync(options AsyncOptions) *Async {
	if options.Sleep == nil {
		options.Sleep = clock.Sleep
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	drained := make(chan struct{})
	close(drained)
	return &Async{options: options, ctx: ctx, cancel: cancel, drained: drained}
}

// Send takes an event, which must be JSON, and returns before the function ran.
// It fails with [ErrPayload], [ErrQueueFull] or [ErrStopped].
func (a *Async) Send(payload []byte) error {
	if len(payload) > MaxAsyncPayload || !json.Valid(payload) {
		return fmt.Errorf("send event of %d bytes: %w", len(payload), ErrPayload)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.ctx.Err() != nil:
		return fmt.Errorf("send event: %w", ErrStopped)
	case a.pending == maxAsyncQueue:
		return fmt.Errorf("send event: %w", ErrQueueFull)
	case a.pending == 0:
		a.drained = make(chan struct{})
	}
	a.pending++
	go a.process(payload)
	return nil
}

// process tries one event until it worked, failed for good or grew too old.
func (a *Async) process(payload []byte) {
	defer a.done()
	sent := a.options.Now()
	letter := DeadLetter{Payload: payload, Condition: "RetriesExhausted"}
	for try := 1; ; try++ {
		_, err := a.options.Function.Invoke(a.ctx, payload)
		if err == nil || a.ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return
		}
		letter.Err = err
		// Being throttled uses up no attempt, only time.
		if !errors.Is(err, ErrThrottled) {
			letter.Attempts++
		}
		if letter.Attempts > AsyncRetries {
			break
		}
		if a.options.Now().Sub(sent) >= AsyncMaxAge {
			letter.Condition = "EventAgeExceeded"
			break
		}
		if a.options.Sleep(a.ctx, time.Duration(min(try, 2))*time.Minute) != nil {
			return
		}
	}
	if a.options.DeadLetter != nil {
		a.options.DeadLetter(a.ctx, letter)
	}
}

func (a *Async) done() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending--
	if a.pending == 0 {
		close(a.drained)
	}
}

// Wait waits until every event that was sent is through, or until ctx ends.
func (a *Async) Wait(ctx context.Context) error {
	a.mu.Lock()
	drained := a.drained
	a.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for events: %w", ctx.Err())
	}
}

// Stop drops the events on their way, without dead letters, and waits until
// nothing of them runs here. An invocation that was begun ends with its function.
func (a *Async) Stop() {
	a.cancel()
	a.mu.Lock()
	drained := a.drained
	a.mu.Unlock()
	<-drained
}
