package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// SQS is the part of [sqs.Client] that is used.
type SQS interface {
	SendMessage(ctx context.Context, in *sqs.SendMessageInput, options ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, options ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	ChangeMessageVisibility(ctx context.Context, in *sqs.ChangeMessageVisibilityInput, options ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
}

const (
	// sendParallel batches are under way at a time: a page of a hundred at once.
	sendParallel = 10
	// sendAttempts is how often entries that SQS refused by themselves are sent.
	sendAttempts = 4
	// reasonLimit bounds the reason of a dead letter, in bytes.
	reasonLimit = 1000
)

// Queue is the workers' queue. Safe for concurrent use.
type Queue struct {
	SQS SQS
	URL string
	// DeadLettersURL is the queue for messages that can't succeed; only workers need it.
	DeadLettersURL string
}

// Send queues every message or returns an error; then the next attempt may queue some
// messages twice, which does no harm.
func (q Queue) Send(ctx context.Context, messages ...Message) error {
	entries := make([]types.SendMessageBatchRequestEntry, len(messages))
	for i, message := range messages {
		body, err := json.Marshal(message)
		if err != nil {
			return fmt.Errorf("encode message: %w", err)
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body))}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sendParallel)
	for batch := range batches(entries, func(e types.SendMessageBatchRequestEntry) int { return len(*e.MessageBody) }) {
		group.Go(func() error { return q.sendBatch(ctx, batch) })
	}
	return group.Wait()
}

func (q Queue) sendBatch(ctx context.Context, entries []types.SendMessageBatchRequestEntry) error {
	count := len(entries)
	code := ""
	for range sendAttempts {
		out, err := q.SQS.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.URL, Entries: entries})
		if err != nil {
			return fmt.Errorf("queue messages: %w", awsenv.Cut(err))
		}
		if len(out.Failed) == 0 {
			return nil
		}
		code = aws.ToString(out.Failed[0].Code)
		entries = slices.DeleteFunc(entries, func(e types.SendMessageBatchRequestEntry) bool {
			return !slices.ContainsFunc(out.Failed, func(f types.BatchResultErrorEntry) bool { return aws.ToString(f.Id) == *e.Id })
		})
	}
	return fmt.Errorf("queue messages: SQS refused %d of %d (%s)", len(entries), count, code)
}

// Later queues one message that is delivered after a while, up to SQS's 15 minutes.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func (q Queue) Later(ctx context.Context, message any, pause time.Duration) error {
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	_, err = q.SQS.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.URL, MessageBody: aws.String(string(body)), DelaySeconds: int32(pause.Seconds()),
	})
	if err != nil {
		return fmt.Errorf("queue a message: %w", awsenv.Cut(err))
	}
	return nil
}

// Wait hides a message that was received for a while, up to SQS's twelve hours. Then SQS
// delivers it again.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
func (q Queue) Wait(ctx context.Context, receipt string, pause time.Duration) error {
	_, err := q.SQS.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.URL, ReceiptHandle: &receipt, VisibilityTimeout: int32(pause.Seconds()),
	})
	if err != nil {
		return fmt.Errorf("change the message's visibility: %w", awsenv.Cut(err))
	}
	return nil
}

// DeadLetter puts a message that can't succeed into the dead-letter queue, with the
// reason, which SQS's own redrive would not add.
func (q Queue) DeadLetter(ctx context.Context, body, reason string) error {
	_, err := q.SQS.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.DeadLettersURL, MessageBody: &body,
		MessageAttributes: map[string]types.MessageAttributeValue{"reason": {DataType: aws.String("String"), StringValue: aws.String(Shorten(reason))}},
	})
	if err != nil {
		return fmt.Errorf("put the message into the dead-letter queue: %w", awsenv.Cut(err))
	}
	return nil
}

// Shorten cuts a reason to what a person reads, between two characters: SQS and
// EventBridge refuse half of one.
func Shorten(text string) string {
	if text = strings.ToValidUTF8(text, ""); len(text) <= reasonLimit {
		return text
	}
	return strings.ToValidUTF8(text[:reasonLimit], "") + "…"
}
