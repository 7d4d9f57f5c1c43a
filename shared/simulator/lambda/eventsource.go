package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// SQS is what an event source calls; [*sqs.Client] has it.
type SQS interface {
	GetQueueAttributes(ctx context.Context, input *sqs.GetQueueAttributesInput, options ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	ReceiveMessage(ctx context.Context, input *sqs.ReceiveMessageInput, options ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(ctx context.Context, input *sqs.DeleteMessageBatchInput, options ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
}

// Bounds of an event source.
const (
	// MaxBatchSize is AWS's without a batching window.
	MaxBatchSize = 10
	// receiveWait is the longest that SQS lets a receive wait, in seconds.
	receiveWait = 20
	// receivePause is how long a poller rests after a receive that failed.
	receivePause = time.Second
	// finishTime is how long a batch that was received may take to be deleted when
	// polling has been stopped.
	finishTime = 10 * time.Second
)

// EventSource is an event source mapping: it polls a queue and invokes a function
// with the messages. Client, QueueURL and Function are required.
//
// A message is deleted when the function took it. All others come back when their
// visibility time-out ends, and go to the dead-letter queue by the queue's own
// redrive policy, as in AWS; throttled invocations are no exception.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
type EventSource struct {
	Client   SQS
	QueueURL string
	Function Invoker
	// FunctionTimeout is compared with the queue's visibility time-out, which must
	// not be shorter. Zero leaves the comparison out.
	FunctionTimeout time.Duration
	// BatchSize is 1 to [MaxBatchSize]; zero means that.
	BatchSize int
	// Pollers is how many batches are worked on at the same time; zero means 2, the
	// least that AWS's ScalingConfig takes.
	Pollers int
	// ReportBatchItemFailures lets the function name the messages that failed.
	// Without it, an answer is a success of the whole batch.
	ReportBatchItemFailures bool
	// Logger hears what goes wrong; nil means slog.Default().
	Logger *slog.Logger
	// Sleep waits for the duration or the context; nil means real time.
	Sleep func(ctx context.Context, duration time.Duration) error

	queue queue
}

// queue is what the polled queue says about itself.
type queue struct {
	arn    string
	region string
}

// Run polls until ctx ends, then finishes the batches that were received and
// returns nil. It fails at once when the queue can't be asked or doesn't fit the
// function. A receive that fails later is logged and tried again.
func (s EventSource) Run(ctx context.Context) error {
	s = s.withDefaults()
	if s.BatchSize < 1 || s.BatchSize > MaxBatchSize {
		return fmt.Errorf("map queue to function: batch size %d is not 1 to %d", s.BatchSize, MaxBatchSize)
	}
	if err := s.inspect(ctx); err != nil {
		return fmt.Errorf("map queue to function: %w", err)
	}
	var pollers sync.WaitGroup
	for range s.Pollers {
		pollers.Go(func() { s.poll(ctx) })
	}
	pollers.Wait()
	return nil
}

func (s EventSource) withDefaults() EventSource {
	if s.BatchSize == 0 {
		s.BatchSize = MaxBatchSize
	}
	if s.Pollers == 0 {
		s.Pollers = 2
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	if s.Sleep == nil {
		s.Sleep = sleep
	}
	return s
}

// inspect checks what AWS checks when the mapping is made.
func (s *EventSource) inspect(ctx context.Context) error {
	output, err := s.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       &s.QueueURL,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn, types.QueueAttributeNameVisibilityTimeout},
	})
	if err != nil {
		return fmt.Errorf("get queue attributes: %w", err)
	}
	s.queue, err = parseQueue(output.Attributes[string(types.QueueAttributeNameQueueArn)])
	if err != nil {
		return err
	}
	seconds, err := strconv.Atoi(output.Attributes[string(types.QueueAttributeNameVisibilityTimeout)])
	if err != nil {
		return fmt.Errorf("read visibility time-out: %w", err)
	}
	if visibility := time.Duration(seconds) * time.Second; visibility < s.FunctionTimeout {
		return fmt.Errorf("queue visibility time-out %v is less than function time-out %v", visibility, s.FunctionTimeout)
	}
	return nil
}

func (s EventSource) poll(ctx context.Context) {
	for ctx.Err() == nil {
		output, err := s.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &s.QueueURL, MaxNumberOfMessages: int32(s.BatchSize), WaitTimeSeconds: receiveWait,
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.Logger.ErrorContext(ctx, "receive failed", "queue", s.QueueURL, "error", err)
			if s.Sleep(ctx, receivePause) != nil {
				return
			}
		case len(output.Messages) > 0:
			s.batch(ctx, output.Messages)
		}
	}
}

// batch invokes the function and deletes what it took. Stopping the polling does
// not cut it short: a batch whose outcome is thrown away would run twice.
func (s EventSource) batch(ctx context.Context, messages []types.Message) {
	ctx = context.WithoutCancel(ctx)
	payload, err := json.Marshal(s.queue.event(messages))
	if err != nil {
		s.Logger.ErrorContext(ctx, "batch can't be encoded", "queue", s.QueueURL, "error", err)
		return
	}
	answer, err := s.Function.Invoke(ctx, payload)
	if err != nil {
		s.Logger.WarnContext(ctx, "batch failed", "queue", s.QueueURL, "messages", len(messages), "error", err)
		return
	}
	taken := messages
	if s.ReportBatchItemFailures {
		if taken, err = succeeded(messages, answer); err != nil {
			s.Logger.ErrorContext(ctx, "batch response refused", "queue", s.QueueURL, "messages", len(messages), "error", err)
		}
	}
	if len(taken) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, finishTime)
	defer cancel()
	if err := s.remove(ctx, taken); err != nil {
		s.Logger.ErrorContext(ctx, "delete failed", "queue", s.QueueURL, "messages", len(taken), "error", err)
	}
}

func (s EventSource) remove(ctx context.Context, messages []types.Message) error {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, message := range messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: message.ReceiptHandle}
	}
	output, err := s.Client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &s.QueueURL, Entries: entries})
	if err != nil {
		return err
	}
	var problems []error
	for _, failed := range output.Failed {
		problems = append(problems, fmt.Errorf("entry %s: %s: %s", aws.ToString(failed.Id), aws.ToString(failed.Code), aws.ToString(failed.Message)))
	}
	return errors.Join(problems...)
}

func sleep(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
