package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/rollout"
)

// firstSyncTime is short: the installation is stored, and Bitbucket waits for the
// answer.
const firstSyncTime = 2 * time.Second

// firstSync queues the first look at an installation right after its install, so
// that links work within seconds and not with the next manifest.
type firstSync struct {
	queue    rollout.Caller
	queueURL string
	now      func() time.Time
}

func (f *firstSync) queueFor(ctx context.Context, clientKey string) error {
	message, err := json.Marshal(rollout.Message{Task: rollout.TaskValues, ClientKey: clientKey, Since: f.now().UTC()})
	if err != nil {
		return fmt.Errorf("encode first sync: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, firstSyncTime)
	defer cancel()
	// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
	in := map[string]string{"QueueUrl": f.queueURL, "MessageBody": string(message)}
	if err := f.queue.Call(ctx, "SendMessage", in, nil); err != nil {
		return fmt.Errorf("queue first sync: %w", awsenv.Cut(err))
	}
	return nil
}
