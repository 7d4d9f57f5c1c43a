package stack

import (
	"context"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/clock"
)

// wakeEvery is how often those who poll a queue look at a clock that runs faster
// than their timers.
const wakeEvery = 20 * time.Millisecond

// fastClock runs speed times faster than real time.
type fastClock struct {
	from  time.Time
	speed int
}

func (c fastClock) now() time.Time {
	return c.from.Add(time.Since(c.from) * time.Duration(c.speed))
}

// wake keeps the pollers of a fast clock looking at it, until ctx ends.
func (s *Stack) wake(ctx context.Context) {
	if s.options.Speed == 1 {
		return
	}
	ticker := time.NewTicker(wakeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.AWS.Queues.Wake()
		}
	}
}

// sleep waits for a duration of the stack's clock.
func (s *Stack) sleep(ctx context.Context, duration time.Duration) error {
	return clock.Sleep(ctx, duration/time.Duration(s.options.Speed))
}
