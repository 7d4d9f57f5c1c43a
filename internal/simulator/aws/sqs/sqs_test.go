package sqs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/clock"
)

// world is a simulated AWS with one queue, a client, and a clock that tests move.
type world struct {
	*sdk.Client
	cloud *simulator.Server
	queue *string
	clock *clock.Manual
}

func (w *world) pass(d time.Duration) {
	w.clock.Advance(d)
	w.cloud.Queues.Wake()
}

func start(t *testing.T, attributes map[string]string) *world {
	t.Helper()
	w := &world{clock: clock.NewManual(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	w.cloud = simulator.New(simulator.Options{Now: w.clock.Now})
	t.Cleanup(w.cloud.Close)
	w.Client = sdk.NewFromConfig(w.cloud.Config(), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	w.queue = w.create(t, "work", attributes)
	return w
}

func (w *world) create(t *testing.T, name string, attributes map[string]string) *string {
	t.Helper()
	out, err := w.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return out.QueueUrl
}

func (w *world) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := w.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: w.queue, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
}

// receive takes up to ten messages without waiting.
func (w *world) receive(t *testing.T) []types.Message {
	t.Helper()
	return w.receiveFrom(t, w.queue)
}

func (w *world) receiveFrom(t *testing.T, queue *string) []types.Message {
	t.Helper()
	out, err := w.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{
		QueueUrl: queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

func bodies(messages []types.Message) string {
	var list []string
	for _, message := range messages {
		list = append(list, *message.Body)
	}
	return strings.Join(list, " ")
}

func (w *world) wantBodies(t *testing.T, when, want string) []types.Message {
	t.Helper()
	messages := w.receive(t)
	if got := bodies(messages); got != want {
		t.Errorf("%s: received %q, want %q", when, got, want)
	}
	return messages
}

func (w *world) remove(t *testing.T, handle *string) {
	t.Helper()
	out, err := w.DeleteMessageBatch(t.Context(), &sdk.DeleteMessageBatchInput{QueueUrl: w.queue, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: handle}, {Id: aws.String("b"), ReceiptHandle: aws.String("made up")},
	}})
	if err != nil || len(out.Successful) != 1 || len(out.Failed) != 1 || *out.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("deleted %+v, error %v", out, err)
	}
}

func (w *world) show(t *testing.T, handle *string, seconds int32) error {
	t.Helper()
	_, err := w.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{
		QueueUrl: w.queue, ReceiptHandle: handle, VisibilityTimeout: seconds,
	})
	return err
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	got := ""
	var refusal smithy.APIError
	if errors.As(err, &refusal) {
		got = strings.TrimPrefix(refusal.ErrorCode(), "AWS.SimpleQueueService.") // the codes of the query protocol
	} else if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

func TestSendReceiveDelete(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	sent, err := w.SendMessage(t.Context(), &sdk.SendMessageInput{
		QueueUrl: w.queue, MessageBody: aws.String("hello\n😀"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"text": {DataType: aws.String("String"), StringValue: aws.String("x")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	messages := w.receive(t)
	if len(messages) != 1 || *messages[0].Body != "hello\n😀" || *messages[0].MessageId != *sent.MessageId {
		t.Fatalf("received %+v", messages)
	}
	m := messages[0]
	if len(m.MessageAttributes) != 1 || *m.MessageAttributes["text"].StringValue != "x" {
		t.Errorf("message attributes = %+v", m.MessageAttributes)
	}
	want := map[string]string{
		"SenderId": "111122223333", "SentTimestamp": "1772366400000", "ApproximateReceiveCount": "1",
		"ApproximateFirstReceiveTimestamp": "1772366400000",
	}
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	w.remove(t, m.ReceiptHandle)
	w.remove(t, m.ReceiptHandle) // again is fine
	w.pass(time.Hour)
	w.wantBodies(t, "deleted", "")
}

func TestVisibility(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"VisibilityTimeout": "60"})
	w.send(t, "a", "b")
	first := w.wantBodies(t, "at once", "a b")
	w.pass(59 * time.Second)
	w.wantBodies(t, "a second early", "")
	w.pass(time.Second)
	second := w.wantBodies(t, "in time", "a b")
	if got := second[0].Attributes["ApproximateReceiveCount"]; got != "2" {
		t.Errorf("receive count %s, want 2", got)
	}
	w.remove(t, first[0].ReceiptHandle) // the handle of an earlier delivery deletes nothing
	w.remove(t, second[1].ReceiptHandle)
	w.pass(time.Minute)
	w.wantBodies(t, "after the deletions", "a")
}

func TestChangeVisibility(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.send(t, "a")
	first := w.receive(t)[0].ReceiptHandle
	wantCode(t, "extend", w.show(t, first, 600), "")
	w.pass(599 * time.Second)
	w.wantBodies(t, "extended", "")
	wantCode(t, "give back", w.show(t, first, 0), "")
	second := w.wantBodies(t, "given back", "a")[0].ReceiptHandle
	w.pass(30 * time.Second)
	wantCode(t, "after its time", w.show(t, second, 600), "")
	third := w.wantBodies(t, "which changed nothing", "a")[0].ReceiptHandle
	wantCode(t, "12 hours", w.show(t, third, 43200), "")
	w.pass(time.Second)
	wantCode(t, "12 hours and a second in all", w.show(t, third, 43200), "InvalidParameterValue")
	wantCode(t, "12 hours in all", w.show(t, third, 43199), "")
}

func TestRetention(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"MessageRetentionPeriod": "60"})
	w.send(t, "old")
	w.pass(30 * time.Second)
	w.send(t, "new")
	w.pass(30 * time.Second)
	w.wantBodies(t, "a minute on", "new")
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	const source = "arn:aws:sqs:eu-central-1:111122223333:source"
	policy := func(target, count string) map[string]string {
		return map[string]string{
			"VisibilityTimeout": "0",
			"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:111122223333:%s","maxReceiveCount":%s}`, target, count),
		}
	}
	for what, attributes := range map[string]map[string]string{
		"no such queue": policy("none", "2"), "no receives": policy("work", "0"), "too many": policy("work", "1001"),
	} {
		_, err := w.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("source"), Attributes: attributes})
		wantCode(t, what, err, "InvalidParameterValue")
	}
	dead := w.queue
	w.queue = w.create(t, "source", policy("work", `"2"`))
	w.send(t, "poison")
	id := *w.receive(t)[0].MessageId
	w.wantBodies(t, "the second time", "poison")
	w.wantBodies(t, "the third time", "")
	letters := w.receiveFrom(t, dead)
	if len(letters) != 1 || *letters[0].MessageId != id || letters[0].Attributes["DeadLetterQueueSourceArn"] != source || letters[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("dead letters: %+v", letters)
	}
}

func TestLongPolling(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*testing.T, *world, types.Message){
		"a message is sent":       func(t *testing.T, w *world, _ types.Message) { w.send(t, "hidden") },
		"visibility ends":         func(_ *testing.T, w *world, _ types.Message) { w.pass(30 * time.Second) },
		"a message is given back": func(t *testing.T, w *world, m types.Message) { wantCode(t, "show", w.show(t, m.ReceiptHandle, 0), "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, nil)
			w.send(t, "hidden")
			hidden := w.receive(t)[0]
			got := make(chan string, 1)
			go func() {
				out, err := w.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: w.queue, WaitTimeSeconds: 20})
				if err != nil {
					got <- err.Error()
					return
				}
				got <- bodies(out.Messages)
			}()
			act(t, w, hidden) // before or after the poll begins: the answer is the same
			if body := <-got; body != "hidden" {
				t.Errorf("the poll returned %q, want the message", body)
			}
		})
	}
}

func TestALongPollEnds(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	got := make(chan error, 1)
	go func() {
		out, err := w.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: w.queue, WaitTimeSeconds: 20})
		if err == nil && len(out.Messages) > 0 {
			err = errors.New("a message from an empty queue")
		}
		got <- err
	}()
	for ended := false; !ended; {
		w.pass(time.Second)
		select {
		case err := <-got:
			if err != nil {
				t.Error(err)
			}
			ended = true
		default:
		}
	}
}

func TestQueueAttributes(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"VisibilityTimeout": "7"})
	w.send(t, "in flight")
	w.receive(t)
	w.send(t, "available", "available too")
	get := func(names ...types.QueueAttributeName) (map[string]string, error) {
		out, err := w.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: w.queue, AttributeNames: names})
		if err != nil {
			return nil, err
		}
		return out.Attributes, nil
	}
	got, err := get("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "VisibilityTimeout", "QueueArn", "RedrivePolicy")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "1",
		"VisibilityTimeout": "7", "QueueArn": "arn:aws:sqs:eu-central-1:111122223333:work",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	_, err = get("Nonsense")
	wantCode(t, "an unknown attribute", err, "InvalidAttributeName")
	if messages := w.cloud.Queues.Messages("work"); len(messages) != 3 || messages[0].Receives != 1 || messages[2].Body != "available too" {
		t.Errorf("Messages() = %+v", messages)
	}
}

func TestCreateQueue(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"VisibilityTimeout": "7"})
	for what, test := range map[string]struct {
		name       string
		attributes map[string]string
		want       string
	}{
		"a bad name":          {"a b", nil, "InvalidParameterValue"},
		"a name of 81":        {strings.Repeat("a", 81), nil, "InvalidParameterValue"},
		"fifo":                {"a.fifo", nil, "NotSimulated"},
		"a short retention":   {"b", map[string]string{"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"},
		"a word for a number": {"b", map[string]string{"VisibilityTimeout": "x"}, "InvalidAttributeValue"},
		"an unknown one":      {"b", map[string]string{"Nonsense": "x"}, "NotSimulated"},
	} {
		_, err := w.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: &test.name, Attributes: test.attributes})
		wantCode(t, what, err, test.want)
	}
	if want := w.cloud.URL + "/111122223333/work"; *w.queue != want {
		t.Errorf("url %s, want %s", *w.queue, want)
	}
	_, err := w.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: aws.String(w.cloud.URL + "/111122223333/none"), MessageBody: aws.String("x")})
	wantCode(t, "no queue", err, "NonExistentQueue")
	var typed *types.QueueDoesNotExist
	if !errors.As(err, &typed) {
		t.Errorf("%v is no QueueDoesNotExist", err)
	}
}
