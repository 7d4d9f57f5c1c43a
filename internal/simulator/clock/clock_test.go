package clock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/clock"
)

func TestSleepEndsWithItsTimeOrItsContext(t *testing.T) {
	t.Parallel()
	if err := clock.Sleep(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("a sleep that was let finish: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := clock.Sleep(ended, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a sleep that was ended: %v, want canceled", err)
	}
}

func TestManualMovesWhenToldTo(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	manual := clock.NewManual(noon)
	manual.Advance(time.Hour)
	if got := manual.Now(); !got.Equal(noon.Add(time.Hour)) {
		t.Errorf("an hour after noon it is %v", got)
	}
}
