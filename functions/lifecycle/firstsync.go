package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/rollout"
)

// sender is the part of the SQS client that firstSync uses.
type sender interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// firstSync queues the first look at an installation right after its install, so
// that links work within seconds and not with the next manifest.
type firstSync struct {
	queue    sender
	queueURL string
}

func (f *firstSync) queueFor(ctx context.Context, clientKey string) error {
	message, err := json.Marshal(rollout.Message{Task: rollout.TaskValues, ClientKey: clientKey, Since: time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("encode first sync: %w", err)
	}
	body := string(message)
	if _, err := f.queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &f.queueURL, MessageBody: &body}); err != nil {
		return fmt.Errorf("queue first sync: %w", awsenv.Cut(err))
	}
	return nil
}

// isOnlyWithoutSecret tells whether a payload lacks its shared secret and nothing else.
func isOnlyWithoutSecret(err error) bool { return errors.Is(err, connect.ErrNoSharedSecret) }
