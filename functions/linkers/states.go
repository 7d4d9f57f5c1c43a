package main

import (
	"context"
	"sync"

	"github.com/linkersync/linkersync/shared/rollout"
)

// states keeps the desired state for the length of one batch, so that all of its
// messages together cost one read of the default manifest. A worker that wrote asks
// whether what it applied is still current, so a batch's age can't undo anything.
type states struct {
	mu sync.Mutex
	// fallback is the default manifest, once it was read.
	fallback *rollout.State
}

// of returns the workspace's desired state.
func (s *states) of(ctx context.Context, desired rollout.Desired, workspace string) (rollout.State, error) {
	own, found, err := desired.Own(ctx, workspace)
	if err != nil || found {
		return own, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fallback == nil {
		state, err := desired.Default(ctx)
		if err != nil {
			return rollout.State{}, err
		}
		s.fallback = &state
	}
	return *s.fallback, nil
}

// forget makes the next of read again.
func (s *states) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fallback = nil
}
