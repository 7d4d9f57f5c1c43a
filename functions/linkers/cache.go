package main

import (
	"context"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// cacheFor is how long a process uses what many messages read alike.
	cacheFor = 5 * time.Second
	// clockSkew is how far the clocks of two functions may differ.
	clockSkew = time.Second
)

// defaults keeps the default manifest for some seconds. A message is never served a
// manifest that was read before the message was queued: a change of the manifest comes
// first, its messages after it.
type defaults struct {
	mu    sync.Mutex
	state rollout.State
	read  time.Time
}

// of returns the workspace's desired state for a message that was queued at since.
func (c *defaults) of(ctx context.Context, desired rollout.Desired, workspace string, since, now time.Time) (rollout.State, error) {
	own, found, err := desired.Own(ctx, workspace)
	if err != nil || found {
		return own, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read.After(since.Add(clockSkew)) && now.Sub(c.read).Abs() < cacheFor {
		return c.state, nil
	}
	state, err := desired.Default(ctx)
	if err == nil {
		c.state, c.read = state, now
	}
	return state, err
}

// forget makes the next of read again.
func (c *defaults) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = time.Time{}
}

// newest keeps the newest revisions of scopes for some seconds. An old revision only
// costs work.
type newest struct {
	mu        sync.Mutex
	revisions map[string]int64
	read      time.Time
}

func (n *newest) of(ctx context.Context, table *rollout.Table, app, scope string, now time.Time) (int64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.read).Abs() > cacheFor {
		n.revisions, n.read = map[string]int64{}, now
	}
	if revision, known := n.revisions[scope]; known {
		return revision, nil
	}
	revision, err := table.Newest(ctx, app, scope)
	if err == nil {
		n.revisions[scope] = revision
	}
	return revision, err
}
