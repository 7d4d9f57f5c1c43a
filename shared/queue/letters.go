package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// Letters is a dead-letter queue as a person looks at it and sends it back.
type Letters struct {
	SQS *sqs.Client
	URL string
}

// Letter is a message that was given up.
type Letter struct {
	ID   string
	Sent time.Time
	// Reason says why; empty when the message has none with it.
	Reason string
	// Body is the message as it was sent: a [Message] of the workers' queue, an event of a bus.
	Body string
}

// hidden is how long a letter that is looked at is hidden from others, in seconds. Read
// shows it again as soon as it has read all.
const hidden = 30

// Count is how many letters there are, as far as SQS knows at the moment.
func (l Letters) Count(ctx context.Context) (int, error) {
	text, err := l.attribute(ctx, types.QueueAttributeNameApproximateNumberOfMessages)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func (l Letters) attribute(ctx context.Context, name types.QueueAttributeName) (string, error) {
	out, err := l.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &l.URL, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return "", fmt.Errorf("look at the queue %s: %w", l.URL, awsenv.Cut(err))
	}
	return out.Attributes[string(name)], nil
}

// Read returns up to as many letters, and leaves them in the queue.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
func (l Letters) Read(ctx context.Context, most int) (letters []Letter, err error) {
	var receipts []string
	defer func() { l.show(context.WithoutCancel(ctx), receipts) }()
	for len(letters) < most {
		out, err := l.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &l.URL, MaxNumberOfMessages: int32(min(most-len(letters), batchCount)), VisibilityTimeout: hidden, WaitTimeSeconds: 1, //nolint:gosec // G115: at most ten
			MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
		})
		if err != nil {
			return nil, fmt.Errorf("read the queue %s: %w", l.URL, awsenv.Cut(err))
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, message := range out.Messages {
			receipts = append(receipts, aws.ToString(message.ReceiptHandle))
			letters = append(letters, letterOf(message))
		}
	}
	return letters, nil
}

// show makes what was read visible again. Where it fails, the letters are visible after
// the time that they are hidden.
func (l Letters) show(ctx context.Context, receipts []string) {
	ctx, cancel := context.WithTimeout(ctx, hidden*time.Second)
	defer cancel()
	for _, receipt := range receipts {
		_ = (Queue{SQS: l.SQS, URL: l.URL}).Wait(ctx, receipt, 0)
	}
}

// letterOf finds out why a message was given up. Workers and EventBridge say so in an
// attribute, Lambda in a record around the event.
// Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
// and https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
func letterOf(message types.Message) Letter {
	letter := Letter{ID: aws.ToString(message.MessageId), Body: aws.ToString(message.Body)}
	if sent, err := strconv.ParseInt(message.Attributes["SentTimestamp"], 10, 64); err == nil {
		letter.Sent = time.UnixMilli(sent).UTC()
	}
	for _, name := range []string{"reason", "ERROR_MESSAGE", "ERROR_CODE"} {
		if attribute, has := message.MessageAttributes[name]; has && letter.Reason == "" {
			letter.Reason = aws.ToString(attribute.StringValue)
		}
	}
	var record struct {
		RequestPayload  json.RawMessage `json:"requestPayload"`
		ResponsePayload struct {
			ErrorMessage string `json:"errorMessage"`
		} `json:"responsePayload"`
		RequestContext struct {
			Condition string `json:"condition"`
		} `json:"requestContext"`
	}
	if json.Unmarshal([]byte(letter.Body), &record) == nil && len(record.RequestPayload) > 0 {
		letter.Body, letter.Reason = string(record.RequestPayload), record.ResponsePayload.ErrorMessage
		if letter.Reason == "" {
			letter.Reason = record.RequestContext.Condition
		}
	}
	return letter
}

// Redrive asks SQS to move every letter to another queue. SQS does it by itself.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
func (l Letters) Redrive(ctx context.Context, destinationURL string) error {
	var arns [2]string
	for i, url := range []string{l.URL, destinationURL} {
		arn, err := (Letters{SQS: l.SQS, URL: url}).attribute(ctx, types.QueueAttributeNameQueueArn)
		if err != nil {
			return err
		}
		arns[i] = arn
	}
	// The destination is named, because the workers put the letters here and not SQS.
	_, err := l.SQS.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &arns[0], DestinationArn: &arns[1]})
	if err != nil {
		return fmt.Errorf("move the dead letters: %w", awsenv.Cut(err))
	}
	return nil
}
