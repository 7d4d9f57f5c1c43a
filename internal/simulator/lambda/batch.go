package lambda

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func parseQueue(name string) (queue, error) {
	parsed, err := arn.Parse(name)
	if err != nil {
		return queue{}, fmt.Errorf("read queue's ARN: %w", err)
	}
	return queue{arn: name, region: parsed.Region}, nil
}

// event is what the function receives.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
func (q queue) event(messages []types.Message) events.SQSEvent {
	records := make([]events.SQSMessage, len(messages))
	for i, message := range messages {
		attributes := make(map[string]events.SQSMessageAttribute, len(message.MessageAttributes))
		for name, value := range message.MessageAttributes {
			attributes[name] = events.SQSMessageAttribute{
				StringValue: value.StringValue, DataType: aws.ToString(value.DataType),
				StringListValues: []string{}, BinaryListValues: [][]byte{},
			}
		}
		records[i] = events.SQSMessage{
			MessageId: aws.ToString(message.MessageId), ReceiptHandle: aws.ToString(message.ReceiptHandle),
			Body: aws.ToString(message.Body), Md5OfBody: aws.ToString(message.MD5OfBody),
			Attributes: message.Attributes, MessageAttributes: attributes,
			EventSource: "aws:sqs", EventSourceARN: q.arn, AWSRegion: q.region,
		}
	}
	return events.SQSEvent{Records: records}
}

// batchResponse is a function's report of partial failures. Pointers tell null
// from empty, which AWS treats differently.
type batchResponse struct {
	Failures []struct {
		Identifier *string `json:"itemIdentifier"`
	} `json:"batchItemFailures"`
}

// succeeded returns the messages to delete. Anything odd in the answer fails the
// whole batch; an answer without failures, even null, is a success.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func succeeded(messages []types.Message, answer []byte) ([]types.Message, error) {
	var response batchResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		return nil, fmt.Errorf("read batch response: %w", err)
	}
	failed := map[string]bool{}
	for _, failure := range response.Failures {
		if failure.Identifier == nil || *failure.Identifier == "" {
			return nil, errors.New("read batch response: a failure has no itemIdentifier")
		}
		failed[*failure.Identifier] = true
	}
	var good []types.Message
	for _, message := range messages {
		if !failed[aws.ToString(message.MessageId)] {
			good = append(good, message)
		}
		delete(failed, aws.ToString(message.MessageId))
	}
	for identifier := range failed {
		return nil, fmt.Errorf("read batch response: itemIdentifier %q is not in the batch", identifier)
	}
	return good, nil
}
