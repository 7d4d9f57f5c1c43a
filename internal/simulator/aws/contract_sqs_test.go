package aws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// queue is a queue of a behaviour's own.
type queue struct {
	*sqs.Client
	t   *testing.T
	url *string
}

func newQueue(t *testing.T, c cloud, attributes map[string]string) queue {
	t.Helper()
	client := sqs.NewFromConfig(c.Config)
	out := must[*sqs.CreateQueueOutput](t)(client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(unique(t)), Attributes: attributes}))
	return queue{client, t, out.QueueUrl}
}

func (q queue) send(body string) error {
	_, err := q.SendMessage(q.t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: &body})
	return err
}

// elsewhere is a queue that isn't there.
func (q queue) elsewhere() queue {
	q.url = aws.String(*q.url + "-none")
	return q
}

// take receives without waiting and tells body and receive count of each message.
func (q queue) take(visibility int32) (messages []types.Message, seen []string) {
	q.t.Helper()
	out := must[*sqs.ReceiveMessageOutput](q.t)(q.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: q.url, MaxNumberOfMessages: 10, VisibilityTimeout: visibility,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"},
	}))
	seen = []string{}
	for _, message := range out.Messages {
		seen = append(seen, *message.Body+" "+message.Attributes["ApproximateReceiveCount"])
	}
	slices.Sort(seen)
	return out.Messages, seen
}

func (q queue) show(handle *string, seconds int32) error {
	_, err := q.ChangeMessageVisibility(q.t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: q.url, ReceiptHandle: handle, VisibilityTimeout: seconds})
	return err
}

func (q queue) drop(handle *string) error {
	out, err := q.DeleteMessageBatch(q.t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: q.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: handle},
	}})
	if err == nil && len(out.Failed) > 0 {
		return &smithy.GenericAPIError{Code: *out.Failed[0].Code}
	}
	return err
}

func (q queue) count(attribute types.QueueAttributeName) string {
	q.t.Helper()
	out := must[*sqs.GetQueueAttributesOutput](q.t)(q.GetQueueAttributes(q.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: q.url, AttributeNames: []types.QueueAttributeName{attribute},
	}))
	return out.Attributes[string(attribute)]
}

func (q queue) batch(entries ...types.SendMessageBatchRequestEntry) []string {
	out, err := q.SendMessageBatch(q.t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: entries})
	if err != nil {
		return []string{outcome(err)}
	}
	seen := []string{}
	for _, sent := range out.Successful {
		seen = append(seen, *sent.Id+" ok")
	}
	for _, failed := range out.Failed {
		seen = append(seen, *failed.Id+" "+*failed.Code)
	}
	return seen
}

func batchEntry(id, body string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body}
}

func TestContractSQS(t *testing.T) {
	t.Parallel()
	runContract(t, []behaviour{
		{
			name: "a message in flight is not delivered, and one that is deleted never again",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				sent := outcome(q.send("hello"))
				messages, first := q.take(30)
				_, second := q.take(30)
				gone := outcome(q.drop(messages[0].ReceiptHandle))
				return slices.Concat([]string{sent}, first, second, []string{gone, outcome(q.drop(messages[0].ReceiptHandle)), q.count("ApproximateNumberOfMessagesNotVisible")})
			},
			want: []string{"ok", "hello 1", "ok", "ok", "0"},
		},
		{
			name: "a message given back is delivered with a higher count",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				_ = q.send("x")
				messages, _ := q.take(30)
				given := outcome(q.show(messages[0].ReceiptHandle, 0))
				_, again := q.take(30)
				return slices.Concat([]string{given}, again)
			},
			want: []string{"ok", "x 2"},
		},
		{
			name: "a message may be hidden for longer, up to 12 hours",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				_ = q.send("x")
				messages, _ := q.take(1)
				return []string{outcome(q.show(messages[0].ReceiptHandle, 43000)), outcome(q.show(messages[0].ReceiptHandle, 43201)), q.count("ApproximateNumberOfMessagesNotVisible")}
			},
			want: []string{"ok", "InvalidParameterValue", "1"},
		},
		{
			name: "a deleted message can't be hidden",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				_ = q.send("x")
				messages, _ := q.take(30)
				_ = q.drop(messages[0].ReceiptHandle)
				return []string{outcome(q.show(messages[0].ReceiptHandle, 10))}
			},
			want: []string{"InvalidParameterValue"},
			moto: "it answers ReceiptHandleIsInvalid",
		},
		{
			name: "a made-up receipt handle is refused",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				return []string{outcome(q.show(aws.String("made-up"), 10)), outcome(q.drop(aws.String("made-up")))}
			},
			want: []string{"ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"},
		},
		{
			name: "the handle of an earlier delivery deletes nothing",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				_ = q.send("x")
				first, _ := q.take(30)
				_ = q.show(first[0].ReceiptHandle, 0)
				_, _ = q.take(30)
				return []string{outcome(q.drop(first[0].ReceiptHandle)), q.count("ApproximateNumberOfMessagesNotVisible")}
			},
			want: []string{"ok", "1"},
			moto: "it deletes the message by any of its handles",
		},
		{
			name: "after too many receives a message moves to the dead-letter queue",
			observe: func(t *testing.T, c cloud) []string {
				dead := newQueue(t, c, nil)
				q := newQueue(t, c, map[string]string{
					"VisibilityTimeout": "0", // the SDK doesn't send a zero of its own
					"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, dead.count("QueueArn")),
				})
				_ = q.send("poison")
				_, one := q.take(0)
				_, two := q.take(0)
				_, three := q.take(0)
				letters, _ := dead.take(30)
				return slices.Concat(one, two, three, []string{fmt.Sprint(len(letters)), *letters[0].Body})
			},
			want: []string{"poison 1", "poison 2", "1", "poison"},
		},
		{
			name: "the letters of a dead-letter queue are moved to another",
			observe: func(t *testing.T, c cloud) []string {
				dead, to := newQueue(t, c, nil), newQueue(t, c, nil)
				_ = dead.send("letter")
				move := func() string {
					_, err := dead.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(dead.count("QueueArn")), DestinationArn: aws.String(to.count("QueueArn"))})
					return outcome(err)
				}
				refused := move()
				newQueue(t, c, map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, dead.count("QueueArn"))})
				moved := move()
				_, seen := to.take(30)
				return slices.Concat([]string{refused, moved}, seen, []string{dead.count("ApproximateNumberOfMessages")})
			},
			want: []string{"InvalidParameterValue", "ok", "letter 1", "0"},
			moto: "it has no move tasks",
		},
		{
			name: "a poll ends when a message comes",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				got := make(chan string, 1)
				go func() {
					out, err := q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url, WaitTimeSeconds: 20})
					if err != nil || len(out.Messages) == 0 {
						got <- outcome(err)
						return
					}
					got <- *out.Messages[0].Body
				}()
				_ = q.send("arrived")
				return []string{<-got}
			},
			want: []string{"arrived"},
		},
		{
			name: "a batch has ten entries at most, with distinct and valid ids",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				var eleven []types.SendMessageBatchRequestEntry
				for i := range 11 {
					eleven = append(eleven, batchEntry(fmt.Sprint("id", i), "x"))
				}
				return slices.Concat(
					[]string{fmt.Sprint(len(q.batch(eleven[:10]...)))}, q.batch(eleven...), q.batch([]types.SendMessageBatchRequestEntry{}...),
					q.batch(batchEntry("a", "x"), batchEntry("a", "y")), q.batch(batchEntry("a b", "x")),
				)
			},
			want: []string{"10", "TooManyEntriesInBatchRequest", "EmptyBatchRequest", "BatchEntryIdsNotDistinct", "InvalidBatchEntryId"},
		},
		{
			name: "an entry of a batch fails alone",
			observe: func(t *testing.T, c cloud) []string {
				return newQueue(t, c, nil).batch(batchEntry("good", "x"), batchEntry("bad", "a\x01b"))
			},
			want: []string{"good ok", "bad InvalidMessageContents"},
			moto: "it takes any character",
		},
		{
			name: "messages have a limit of size",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				return []string{outcome(q.send(strings.Repeat("x", 256<<10))), outcome(q.send(strings.Repeat("x", 1<<20+1)))}
			},
			want: []string{"ok", "InvalidParameterValue"},
		},
		{
			name:    "messages are text",
			observe: func(t *testing.T, c cloud) []string { return []string{outcome(newQueue(t, c, nil).send("a\x01b"))} },
			want:    []string{"InvalidMessageContents"},
			moto:    "it takes any character",
		},
		{
			name: "at most ten messages are received, within 20 seconds",
			observe: func(t *testing.T, c cloud) []string {
				q := newQueue(t, c, nil)
				_, many := q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url, MaxNumberOfMessages: 11})
				_, long := q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url, WaitTimeSeconds: 21})
				return []string{outcome(many), outcome(long)}
			},
			want: []string{"InvalidParameterValue", "InvalidParameterValue"},
		},
		{
			name: "a queue is created once, and again only the same",
			observe: func(t *testing.T, c cloud) []string {
				client, name := sqs.NewFromConfig(c.Config), unique(t)
				create := func(timeout string) string {
					_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"VisibilityTimeout": timeout}})
					return outcome(err)
				}
				return []string{create("5"), create("5"), create("6"), outcome(newQueue(t, c, nil).elsewhere().send("x"))}
			},
			want: []string{"ok", "ok", "QueueAlreadyExists", "NonExistentQueue"},
		},
	})
}
