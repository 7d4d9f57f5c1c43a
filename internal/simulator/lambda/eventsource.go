package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/linkersync/linkersync/internal/simulator/clock"
)

// SQS is what an event source calls; [*sqs.Client] has it.
type SQS interface {
	GetQueueAttributes(ctx context.Context, input *sqs.GetQueueAttributesInput, options ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	ReceiveMessage(ctx context.Context, input *sqs.ReceiveMessageInput, options ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(ctx context.Context, input *sqs.DeleteMessageBatchInput, options ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
}

// Bounds of an event source.
const (
	// MaxReceive is the most messages that SQS gives at a time, and AWS's largest
	// batch without a batching window. Windows are not simulated.
	MaxReceive = 10
	// receiveWait is the longest that SQS lets a receive wait.
	receiveWait = 20 * time.Second
	// receivePause is how long a poller rests after a receive that failed.
	receivePause = time.Second
	// finishTime is how long a batch that was received may take to be deleted when
	// polling has been stopped.
	finishTime = 10 * time.Second
)

// EventSource is an event source mapping: it polls a queue and invokes a function
// with the messages. Client, QueueURL and Function are required.
//
// The function names the messages that failed (ReportBatchItemFailures, as deployed). A
// message is deleted when the function took it. All others come back when their
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
	// BatchSize is 1 to [MaxReceive]; zero means [MaxReceive].
	BatchSize int
	// Concurrency is how many batches the function works on at the same time, as
	// MaximumConcurrency of AWS's ScalingConfig; zero means 2, the least that it takes.
	Concurrency int
	// Pollers receive a batch, wait for their turn with the function, and delete what
	// it took; zero means one for each of Concurrency. With more of them a batch is
	// ready when the function is, as in AWS, where neither receiving nor deleting
	// occupies the function.
	Pollers int
	// Logger hears what goes wrong; nil means slog.Default().
	Logger *slog.Logger
	// Sleep waits for the duration or the context; nil means real time.
	Sleep func(ctx context.Context, duration time.Duration) error

	queue queue
	// turns has room for the batches that the function works on.
	turns chan struct{}
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
	if err := s.validate(); err != nil {
		return fmt.Errorf("map queue to function: %w", err)
	}
	if err := s.inspect(ctx); err != nil {
		return fmt.Errorf("map queue to function: %w", err)
	}
	s.turns = make(chan struct{}, s.Concurrency)
	var pollers sync.WaitGroup
	for range s.Pollers {
		pollers.Go(func() { s.poll(ctx) })
	}
	pollers.Wait()
	return nil
}

func (s EventSource) withDefaults() EventSource {
	if s.BatchSize == 0 {
		s.BatchSize = MaxReceive
	}
	if s.Concurrency == 0 {
		s.Concurrency = 2
	}
	if s.Pollers == 0 {
		s.Pollers = s.Concurrency
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	if s.Sleep == nil {
		s.Sleep = clock.Sleep
	}
	return s
}

func (s EventSource) validate() error {
	if s.BatchSize < 1 || s.BatchSize > MaxReceive {
		return fmt.Errorf("batch size %d is not 1 to %d", s.BatchSize, MaxReceive)
	}
	return nil
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
