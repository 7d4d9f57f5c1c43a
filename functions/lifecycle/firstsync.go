package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/rollout"
)

// firstSyncTime is short: the installation is stored, and Bitbucket waits for the
// answer.
const firstSyncTime = 2 * time.Second

// sender is the part of the SQS client that firstSync uses.
type sender interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// firstSync queues the first look at an installation right after its install, so
// that links work within seconds and not with the next manifest.
type firstSync struct {
	queue    sender
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
	body := string(message)
	if _, err := f.queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &f.queueURL, MessageBody: &body}); err != nil {
		return fmt.Errorf("queue first sync: %w", awsenv.Cut(err))
	}
	return nil
}
