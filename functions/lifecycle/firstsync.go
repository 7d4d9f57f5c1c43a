package main

import (
	"context"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/queue"
)

// firstSyncTime is short: the installation is stored, and Bitbucket waits for the
// answer.
const firstSyncTime = 2 * time.Second

// firstSync queues the first look at an installation right after its install, so
// that links work within seconds and not with the next manifest.
type firstSync struct {
	queue queue.Queue
	now   func() time.Time
}

func (f *firstSync) queueFor(ctx context.Context, clientKey string) error {
	ctx, cancel := context.WithTimeout(ctx, firstSyncTime)
	defer cancel()
	err := f.queue.Send(ctx, queue.Message{Task: queue.TaskValues, ClientKey: clientKey, Since: f.now().UTC()})
	if err != nil {
		return fmt.Errorf("queue first sync: %w", err)
	}
	return nil
}
