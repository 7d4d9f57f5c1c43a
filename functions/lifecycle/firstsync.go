package main

import (
	"context"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/rollout"
)

// firstSyncTime is short: the installation is stored, and Bitbucket waits for the
// answer.
const firstSyncTime = 2 * time.Second

// firstSync queues the first look at an installation right after its install, so
// that links work within seconds and not with the next manifest.
type firstSync struct {
	queue rollout.Queue
	now   func() time.Time
}

func (f *firstSync) queueFor(ctx context.Context, clientKey string) error {
	ctx, cancel := context.WithTimeout(ctx, firstSyncTime)
	defer cancel()
	err := f.queue.Send(ctx, rollout.Message{Task: rollout.TaskValues, ClientKey: clientKey, Since: f.now().UTC()})
	if err != nil {
		return fmt.Errorf("queue first sync: %w", err)
	}
	return nil
}
