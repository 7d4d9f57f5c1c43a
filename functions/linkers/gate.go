package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/linkersync/linkersync/shared/bitbucket"
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
	// lost are the installations that found the endpoint gone; worked tells whether
	// another found it there.
	lost   map[string]error
	worked bool
}

func (h *handler) openGate(ctx context.Context) (*gate, error) {
	g := &gate{table: h.table, app: h.app, newest: map[string]int64{}, lost: map[string]error{}}
	stop, up, err := h.table.Stopped(ctx, h.app)
	if up {
		g.closed = errors.New(stop.Reason)
	}
	return g, err
}

// learn takes in how a message's work ended, and tells whether Bitbucket said that
// the endpoint is gone, for everybody.
func (g *gate) learn(clientKey string, err error) (removed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !errors.Is(err, bitbucket.ErrEndpointRemoved) {
		g.worked = g.worked || err == nil
		return false
	}
	g.lost[clientKey] = err
	answer, found := errors.AsType[*bitbucket.APIError](err)
	if !found || !answer.Announced() {
		return false
	}
	g.closed = err
	return true
}

// conclude is asked when the batch is done. It returns why everything has to stop
// if two installations found the endpoint gone, in whatever words, and none found
// it there. One alone may be a workspace that was deleted, which must not stop
// everybody else's updates.
func (g *gate) conclude() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil || g.worked || len(g.lost) < 2 {
		return nil
	}
	for _, err := range g.lost {
		g.closed = err
	}
	return g.closed
}

// errAlone is final: only a person can tell what became of the workspace.
var errAlone = errors.New("the linkers of this workspace alone are gone: was it deleted?")

// errAddonGone is final, too: the stop flag is about the linker endpoints only.
var errAddonGone = errors.New("the app can take no update in this workspace any more: is it still installed there?")

// verdict is what a message's error means after conclude. Without its chain where
// it is no removed linker endpoint, whatever it looked like.
func (g *gate) verdict(w *work) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !errors.Is(w.err, bitbucket.ErrEndpointRemoved):
		return w.err
	case w.message.Task == rollout.TaskAddon:
		return fmt.Errorf("%w (%s)", errAddonGone, w.err.Error())
	case g.closed != nil:
		return w.err
	}
	return fmt.Errorf("%w (%s)", errAlone, w.err.Error())
}

// pass returns errSkipped with the reason when there is nothing to do.
func (g *gate) pass(ctx context.Context, message rollout.Message) error {
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
	if message.Scope == "" || message.Deferred > 0 || message.Died > 0 {
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
