package rollout

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// attempts bounds how often workers who write to the same run at the same moment
	// stand back for each other.
	attempts = 10
	// firstPause is the longest first pause between two of them; it doubles up to maxPause.
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
)

// errConflict: a transaction of somebody else holds the item at this moment. DynamoDB
// doesn't wait for it, and the SDK's retry policy takes it for a final answer.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
var errConflict = errors.New("the item is written to by another worker, in every attempt")

// patiently repeats a write that met another one.
func (t *Table) patiently(ctx context.Context, write func() error) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := write()
		if !errors.Is(err, errConflict) || attempt == attempts {
			return err
		}
		//nolint:gosec // G404: pauses must differ between workers, not be unpredictable.
		if err := t.sleep(ctx, rand.N(pause)+1); err != nil {
			return err
		}
		pause = min(2*pause, maxPause)
	}
}

func (t *Table) sleep(ctx context.Context, duration time.Duration) error {
	if t.Sleep != nil {
		return t.Sleep(ctx, duration)
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
