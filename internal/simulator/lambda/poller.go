package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func (s EventSource) poll(ctx context.Context) {
	for ctx.Err() == nil {
		messages, err := s.receive(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.Logger.ErrorContext(ctx, "receive failed", "queue", s.QueueURL, "error", err)
			if s.Sleep(ctx, receivePause) != nil {
				return
			}
		case len(messages) > 0:
			s.batch(context.WithoutCancel(ctx), messages)
		}
	}
}

func (s EventSource) receive(ctx context.Context) ([]types.Message, error) {
	output, err := s.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &s.QueueURL, MaxNumberOfMessages: int32(s.BatchSize), WaitTimeSeconds: int32(receiveWait.Seconds()),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, err
	}
	return output.Messages, nil
}

// batch invokes the function and deletes what it took. Stopping the polling does
// not cut it short: a batch whose outcome is thrown away would run twice.
func (s EventSource) batch(ctx context.Context, messages []types.Message) {
	payload, err := json.Marshal(s.queue.event(messages))
	if err != nil {
		s.Logger.ErrorContext(ctx, "batch can't be encoded", "queue", s.QueueURL, "error", err)
		return
	}
	s.turns <- struct{}{}
	answer, err := s.Function.Invoke(ctx, payload)
	<-s.turns
	if err != nil {
		s.Logger.WarnContext(ctx, "batch failed", "queue", s.QueueURL, "messages", len(messages), "error", err)
		return
	}
	taken, err := succeeded(messages, answer)
	if err != nil {
		s.Logger.ErrorContext(ctx, "batch response refused", "queue", s.QueueURL, "messages", len(messages), "error", err)
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
