package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/linkersync/linkersync/shared/rollout"
)

// gate keeps messages out that need no work: the app is stopped, or a newer
// manifest is on its way. It asks the table once a batch.
type gate struct {
	table *rollout.Table
	app   string

	mu     sync.Mutex
	closed error
	newest map[string]int64
}

func (h *handler) openGate(ctx context.Context) (*gate, error) {
	g := &gate{table: h.table, app: h.app, newest: map[string]int64{}}
	stop, up, err := h.table.Stopped(ctx, h.app)
	if up {
		g.closed = errors.New(stop.Reason)
	}
	return g, err
}

func (g *gate) close(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = cause
}

// pass returns errSkipped with the reason when there is nothing to do.
func (g *gate) pass(ctx context.Context, w *work) error {
	message := w.message
	g.mu.Lock()
	defer g.mu.Unlock()
	if message.Task != rollout.TaskValues {
		return nil // PUT /addon is not among the endpoints that go away
	}
	if g.closed != nil {
		return fmt.Errorf("%w: all updates are stopped: %w", errSkipped, g.closed)
	}
	// A message that was taken before may have written an old manifest's values after
	// the newer message was done: it has to look again.
	if message.Scope == "" || message.Deferred > 0 || receives(w.record) > 1 {
		return nil
	}
	newest, known := g.newest[message.Scope]
	if !known {
		var err error
		if newest, err = g.table.Newest(ctx, g.app, message.Scope); err != nil {
			return err
		}
		g.newest[message.Scope] = newest
	}
	if newest > message.Revision {
		return fmt.Errorf("%w: a newer manifest is on its way", errSkipped)
	}
	return nil
}
