package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// firstDelay doubles with every time that a message is put back.
	firstDelay = 30 * time.Second
	// maxDelay is the longest delay that SQS gives a message.
	maxDelay = 15 * time.Minute
	// apartDelay is what the messages of a batch are spread over that came together:
	// twenty, and Lambda waits for a second to fill the next batch.
	apartDelay = 2 * time.Minute
	// reasonLimit keeps a reason, in bytes, within what a person reads.
	reasonLimit = 1000
)

// queue puts messages back, or aside.
type queue struct {
	sqs                 rollout.Caller
	url, deadLettersURL string
}

// outgoing is a SendMessage call.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
type outgoing struct {
	QueueURL          string `json:"QueueUrl"`
	MessageBody       string
	DelaySeconds      int                  `json:",omitempty"`
	MessageAttributes map[string]attribute `json:",omitempty"`
}

type attribute struct{ DataType, StringValue string }

// later puts a message back as a new one that is delivered later: changing the
// old one's visibility would use up a receive, see admit.
func (q *queue) later(ctx context.Context, message rollout.Message, now time.Time) error {
	delay := min(maxDelay, firstDelay<<min(message.Deferred, 10))
	// Between half and all of it, so that what was limited together comes back apart.
	delay = delay/2 + rand.N(delay/2) //nolint:gosec // G404: delays must differ, not be unpredictable
	message.Deferred++
	if message.Since.IsZero() {
		message.Since = now
	}
	return q.put(ctx, message, delay)
}

// again puts a message back that was not begun.
func (q *queue) again(ctx context.Context, message rollout.Message) error {
	return q.put(ctx, message, 0)
}

// apart puts a message back so that it is unlikely to come with the same ones again.
func (q *queue) apart(ctx context.Context, message rollout.Message) error {
	return q.put(ctx, message, rand.N(apartDelay)) //nolint:gosec // G404: see later
}

func (q *queue) put(ctx context.Context, message rollout.Message, delay time.Duration) error {
	encoded, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	out := outgoing{QueueURL: q.url, MessageBody: string(encoded), DelaySeconds: int(delay.Seconds())}
	if err := q.sqs.Call(ctx, "SendMessage", out, nil); err != nil {
		return fmt.Errorf("put message back: %w", awsenv.Cut(err))
	}
	return nil
}

// bury puts a message that can't succeed into the dead-letter queue, with the
// reason that SQS itself would not add.
func (q *queue) bury(ctx context.Context, body, reason string) error {
	out := outgoing{
		QueueURL: q.deadLettersURL, MessageBody: body,
		MessageAttributes: map[string]attribute{"reason": {DataType: "String", StringValue: shorten(reason, reasonLimit)}},
	}
	if err := q.sqs.Call(ctx, "SendMessage", out, nil); err != nil {
		return fmt.Errorf("put message into the dead-letter queue: %w", awsenv.Cut(err))
	}
	return nil
}

// shorten cuts a text to about so many bytes, at a letter: SQS refuses half of one.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
