package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// script is a queue that plays what a test says: each receive takes the next
// step, and after the last one ends the test's polling.
type script struct {
	attributes map[string]string
	steps      []func() ([]types.Message, error)
	finish     context.CancelFunc

	mu      sync.Mutex
	asked   []sqs.ReceiveMessageInput
	deleted []string
	refuse  map[string]bool
}

func (s *script) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	if s.attributes == nil {
		return nil, errors.New("no such queue")
	}
	return &sqs.GetQueueAttributesOutput{Attributes: s.attributes}, nil
}

func (s *script) ReceiveMessage(ctx context.Context, input *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	s.mu.Lock()
	s.asked = append(s.asked, *input)
	var step func() ([]types.Message, error)
	if len(s.steps) > 0 {
		step, s.steps = s.steps[0], s.steps[1:]
	}
	s.mu.Unlock()
	if step == nil {
		s.finish()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	messages, err := step()
	return &sqs.ReceiveMessageOutput{Messages: messages}, err
}

func (s *script) DeleteMessageBatch(ctx context.Context, input *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	output := &sqs.DeleteMessageBatchOutput{}
	for _, entry := range input.Entries {
		if s.refuse[*entry.ReceiptHandle] {
			output.Failed = append(output.Failed, types.BatchResultErrorEntry{Id: entry.Id, Code: aws.String("ReceiptHandleIsInvalid"), Message: aws.String("too old")})
			continue
		}
		s.deleted = append(s.deleted, *entry.ReceiptHandle)
	}
	return output, ctx.Err()
}

// gives is a receive of messages with these ids.
func gives(ids ...string) func() ([]types.Message, error) {
	var messages []types.Message
	for _, id := range ids {
		messages = append(messages, types.Message{MessageId: aws.String(id), ReceiptHandle: aws.String("handle-" + id), Body: aws.String("body of " + id)})
	}
	return func() ([]types.Message, error) { return messages, nil }
}

func attributes() map[string]string {
	return map[string]string{"QueueArn": "arn:aws:sqs:eu-west-1:111122223333:work", "VisibilityTimeout": "30"}
}

// poll runs an event source with one poller until the script ends, and returns
// what was logged.
func poll(t *testing.T, s *script, source lambda.EventSource) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var log bytes.Buffer
	s.finish = cancel
	source.Client, source.QueueURL, source.Concurrency = s, "http://queue", 1
	source.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if err := source.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return log.String()
}

func TestEventSourceHandsMessagesOn(t *testing.T) {
	t.Parallel()
	message := types.Message{
		MessageId: aws.String("1"), ReceiptHandle: aws.String("handle-1"), Body: aws.String(`{"a":1}`),
		MD5OfBody:  aws.String("md5"),
		Attributes: map[string]string{"ApproximateReceiveCount": "2"},
		MessageAttributes: map[string]types.MessageAttributeValue{
			"text": {DataType: aws.String("String"), StringValue: aws.String("x")},
		},
	}
	s := &script{attributes: attributes(), steps: []func() ([]types.Message, error){
		func() ([]types.Message, error) { return []types.Message{message}, nil },
	}}
	var got events.SQSEvent
	poll(t, s, lambda.EventSource{Function: invoker(func(_ context.Context, payload []byte) ([]byte, error) {
		return []byte("null"), json.Unmarshal(payload, &got)
	})})
	want := events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: "1", ReceiptHandle: "handle-1", Body: `{"a":1}`, Md5OfBody: "md5",
		Attributes: map[string]string{"ApproximateReceiveCount": "2"},
		MessageAttributes: map[string]events.SQSMessageAttribute{
			"text": {DataType: "String", StringValue: aws.String("x"), StringListValues: []string{}, BinaryListValues: [][]byte{}},
		},
		EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:eu-west-1:111122223333:work", AWSRegion: "eu-west-1",
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	asked := sqs.ReceiveMessageInput{
		QueueUrl: aws.String("http://queue"), MaxNumberOfMessages: 10, WaitTimeSeconds: 20,
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	}
	if diff := cmp.Diff(asked, s.asked[0], cmpopts.IgnoreUnexported(sqs.ReceiveMessageInput{})); diff != "" {
		t.Errorf("receive (-want +got):\n%s", diff)
	}
}

func TestEventSourceDeletesWhatTheFunctionTook(t *testing.T) {
	t.Parallel()
	all := []string{"handle-1", "handle-2", "handle-3"}
	tests := map[string]struct {
		answer string
		err    error
		want   []string
		logs   string
	}{
		"one failed":              {answer: `{"batchItemFailures":[{"itemIdentifier":"2"}]}`, want: []string{"handle-1", "handle-3"}},
		"all failed":              {answer: `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"1"},{"itemIdentifier":"3"}]}`},
		"none failed":             {answer: `{"batchItemFailures":[]}`, want: all},
		"a list of null":          {answer: `{"batchItemFailures":null}`, want: all},
		"an empty answer":         {answer: `{}`, want: all},
		"null":                    {answer: `null`, want: all},
		"an empty identifier":     {answer: `{"batchItemFailures":[{"itemIdentifier":""}]}`, logs: "batch response refused"},
		"an identifier of null":   {answer: `{"batchItemFailures":[{"itemIdentifier":null}]}`, logs: "batch response refused"},
		"a misspelt identifier":   {answer: `{"batchItemFailures":[{"itemId":"2"}]}`, logs: "batch response refused"},
		"an identifier of others": {answer: `{"batchItemFailures":[{"itemIdentifier":"4"}]}`, logs: "not in the batch"},
		"no JSON":                 {answer: `oops`, logs: "batch response refused"},
		"text":                    {answer: `"ok"`, logs: "batch response refused"},
		"the function fails":      {err: &lambda.FunctionError{Type: "Runtime.ExitError"}, logs: "Runtime.ExitError"},
		"the function is busy":    {err: lambda.ErrThrottled, logs: "TooManyRequests"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{attributes: attributes(), steps: []func() ([]types.Message, error){gives("1", "2", "3")}}
			log := poll(t, s, lambda.EventSource{
				Function: invoker(func(context.Context, []byte) ([]byte, error) { return []byte(test.answer), test.err }),
			})
			if diff := cmp.Diff(test.want, s.deleted); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
			if test.logs == "" && log != "" || !strings.Contains(log, test.logs) {
				t.Errorf("log %q, want %q in it", log, test.logs)
			}
		})
	}
}

func TestEventSourceGoesOnAfterAFailedReceive(t *testing.T) {
	t.Parallel()
	s := &script{attributes: attributes(), steps: []func() ([]types.Message, error){
		func() ([]types.Message, error) { return nil, errors.New("connection reset") }, gives(), gives("1"),
	}}
	var pauses []time.Duration
	calls := 0
	log := poll(t, s, lambda.EventSource{
		Function: invoker(func(context.Context, []byte) ([]byte, error) {
			calls++
			return []byte("null"), nil
		}),
		Sleep: func(_ context.Context, duration time.Duration) error {
			pauses = append(pauses, duration)
			return nil
		},
	})
	if diff := cmp.Diff([]time.Duration{time.Second}, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"handle-1"}, s.deleted); diff != "" || calls != 1 {
		t.Errorf("%d calls, want 1 for the batch that had messages; deleted (-want +got):\n%s", calls, diff)
	}
	if !strings.Contains(log, "connection reset") {
		t.Errorf("log %q", log)
	}
}

// TestEventSourceFinishesItsBatch: what a function took is deleted even when the
// polling is stopped meanwhile.
func TestEventSourceFinishesItsBatch(t *testing.T) {
	t.Parallel()
	s := &script{attributes: attributes(), steps: []func() ([]types.Message, error){gives("1")}}
	poll(t, s, lambda.EventSource{Function: invoker(func(ctx context.Context, _ []byte) ([]byte, error) {
		s.finish()
		return []byte("null"), ctx.Err()
	})})
	if diff := cmp.Diff([]string{"handle-1"}, s.deleted); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestEventSourceTellsWhatItCouldNotDelete(t *testing.T) {
	t.Parallel()
	s := &script{attributes: attributes(), steps: []func() ([]types.Message, error){gives("1", "2")}, refuse: map[string]bool{"handle-1": true}}
	log := poll(t, s, lambda.EventSource{Function: says("null")})
	if !strings.Contains(log, "entry 0: ReceiptHandleIsInvalid: too old") {
		t.Errorf("log %q", log)
	}
	if diff := cmp.Diff([]string{"handle-2"}, s.deleted); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestEventSourceRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		attributes map[string]string
		source     lambda.EventSource
		want       string
	}{
		"no queue":                {nil, lambda.EventSource{}, "map queue to function: get queue attributes: no such queue"},
		"no ARN":                  {map[string]string{"VisibilityTimeout": "1"}, lambda.EventSource{}, "map queue to function: read queue's ARN: "},
		"no visibility time-out":  {map[string]string{"QueueArn": attributes()["QueueArn"]}, lambda.EventSource{}, "map queue to function: read visibility time-out: "},
		"a too short time-out":    {attributes(), lambda.EventSource{FunctionTimeout: 31 * time.Second}, "map queue to function: queue visibility time-out 30s is less than function time-out 31s"},
		"too large batches":       {attributes(), lambda.EventSource{BatchSize: 11}, "map queue to function: batch size 11 is not 1 to 10"},
		"batches below one":       {attributes(), lambda.EventSource{BatchSize: -1}, "map queue to function: batch size -1 is not 1 to 10"},
		"a time-out that is fine": {attributes(), lambda.EventSource{FunctionTimeout: 30 * time.Second, BatchSize: 10}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			test.source.Client, test.source.Function = &script{attributes: test.attributes, finish: cancel}, says("null")
			err := test.source.Run(ctx)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("error = %v, want %q", err, test.want)
			}
		})
	}
}

// TestEventSourceBatchesAreWorkedOnAtTheSameTime has two batches wait for each other.
func TestEventSourceBatchesAreWorkedOnAtTheSameTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &script{attributes: attributes(), finish: cancel, steps: []func() ([]types.Message, error){gives("1"), gives("2")}}
	var both sync.WaitGroup
	both.Add(2)
	source := lambda.EventSource{Client: s, Concurrency: 2, Function: invoker(func(context.Context, []byte) ([]byte, error) {
		both.Done()
		both.Wait()
		return []byte("null"), nil
	})}
	if err := source.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(s.deleted) != 2 {
		t.Errorf("deleted %v, want both", s.deleted)
	}
}

// TestEventSourceHasTheNextBatchReady has one batch worked on at a time, while the
// next one is received, and nothing of either deleted before the function took it.
func TestEventSourceHasTheNextBatchReady(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	second := make(chan struct{})
	s := &script{attributes: attributes(), finish: cancel, steps: []func() ([]types.Message, error){gives("1"), func() ([]types.Message, error) {
		close(second)
		return gives("2")()
	}}}
	var working, most, calls int // no lock: the race detector tells when two work at a time
	source := lambda.EventSource{Client: s, Concurrency: 1, Pollers: 2, Function: invoker(func(context.Context, []byte) ([]byte, error) {
		working, calls = working+1, calls+1
		most = max(most, working)
		<-second
		working--
		return []byte("null"), nil
	})}
	if err := source.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if most != 1 || calls != 2 || len(s.deleted) != 2 {
		t.Errorf("%d calls, %d at a time, deleted %v; want 2, one at a time, both deleted", calls, most, s.deleted)
	}
}
