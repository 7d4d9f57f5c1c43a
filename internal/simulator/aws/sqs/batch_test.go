package sqs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/linkersync/linkersync/internal/simulator/aws/sqs"
)

func TestABatchHasALimitOfSize(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	entry := func(id, body string) types.SendMessageBatchRequestEntry {
		return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body}
	}
	half := strings.Repeat("x", 128<<10)
	for what, test := range map[string]struct {
		entries []types.SendMessageBatchRequestEntry
		want    string
	}{
		"256 KiB in all":    {[]types.SendMessageBatchRequestEntry{entry("a", half), entry("b", half)}, ""},
		"more than 256 KiB": {[]types.SendMessageBatchRequestEntry{entry("a", half), entry("b", half+"x")}, "BatchRequestTooLong"},
	} {
		_, err := w.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: w.queue, Entries: test.entries})
		wantCode(t, what, err, test.want)
	}
}

func TestInvalidMessagesAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	text := func(value string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	with := func(name string, value types.MessageAttributeValue) sdk.SendMessageInput {
		return sdk.SendMessageInput{MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{name: value}}
	}
	eleven := map[string]types.MessageAttributeValue{}
	for i := range 11 {
		eleven[fmt.Sprint("a", i)] = text("x")
	}
	for what, test := range map[string]struct {
		in   sdk.SendMessageInput
		want string
	}{
		"too long with attributes":      {sdk.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 256<<10-6)), MessageAttributes: map[string]types.MessageAttributeValue{"a": text("x")}}, "InvalidParameterValue"},
		"empty":                         {sdk.SendMessageInput{MessageBody: aws.String("")}, "MissingParameter"},
		"all that is allowed":           {sdk.SendMessageInput{MessageBody: aws.String("\t\n\r \ud7ff\ue000\ufffd\U00010000\U0010ffff")}, ""},
		"no character":                  {sdk.SendMessageInput{MessageBody: aws.String("\ufffe")}, "InvalidMessageContents"},
		"a long delay":                  {sdk.SendMessageInput{MessageBody: aws.String("x"), DelaySeconds: 901}, "InvalidParameterValue"},
		"a delay":                       {sdk.SendMessageInput{MessageBody: aws.String("x"), DelaySeconds: 900}, ""},
		"eleven attributes":             {sdk.SendMessageInput{MessageBody: aws.String("x"), MessageAttributes: eleven}, "InvalidParameterValue"},
		"an empty attribute":            {with("a", text("")), "InvalidParameterValue"},
		"a bad attribute name":          {with("a b", text("x")), "InvalidParameterValue"},
		"all that an attribute can be":  {with("a.b_c-d", text("x")), ""},
		"a name that ends in a period":  {with("a.", text("x")), "InvalidParameterValue"},
		"a name with two periods":       {with("a..b", text("x")), "InvalidParameterValue"},
		"a name of AWS":                 {with("AWS.a", text("x")), "InvalidParameterValue"},
		"a control character in a text": {with("reason", text("502 \x1b[31mBad Gateway")), "InvalidParameterValue"},
		"a number":                      {with("a", types.MessageAttributeValue{DataType: aws.String("Number"), StringValue: aws.String("1")}), "NotSimulated"},
		"a group, as in fair queues":    {sdk.SendMessageInput{MessageBody: aws.String("x"), MessageGroupId: aws.String("g")}, "NotSimulated"},
		"no such queue":                 {sdk.SendMessageInput{QueueUrl: aws.String("http://x/111122223333/none"), MessageBody: aws.String("x")}, "NonExistentQueue"},
		"another account's":             {sdk.SendMessageInput{QueueUrl: aws.String("http://x/1/work"), MessageBody: aws.String("x")}, "NonExistentQueue"},
		"by another host":               {sdk.SendMessageInput{QueueUrl: aws.String("http://localhost:1/111122223333/work"), MessageBody: aws.String("x")}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if test.in.QueueUrl == nil {
				test.in.QueueUrl = w.queue
			}
			_, err := w.SendMessage(t.Context(), &test.in)
			wantCode(t, what, err, test.want)
		})
	}
}

func TestInvalidReceivesAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	for what, test := range map[string]struct {
		in   sdk.ReceiveMessageInput
		want string
	}{
		"a long visibility":    {sdk.ReceiveMessageInput{VisibilityTimeout: 43201}, "InvalidParameterValue"},
		"an unknown attribute": {sdk.ReceiveMessageInput{MessageSystemAttributeNames: []types.MessageSystemAttributeName{"Nonsense"}}, "InvalidAttributeName"},
		"some attributes":      {sdk.ReceiveMessageInput{MessageAttributeNames: []string{"a"}}, "NotSimulated"},
		"no queue":             {sdk.ReceiveMessageInput{QueueUrl: aws.String("http://x/111122223333/none")}, "NonExistentQueue"},
	} {
		if test.in.QueueUrl == nil {
			test.in.QueueUrl = w.queue
		}
		_, err := w.ReceiveMessage(t.Context(), &test.in)
		wantCode(t, what, err, test.want)
	}
}

func TestAReceiveBringsNothingTwice(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"VisibilityTimeout": "0"})
	w.send(t, "a", "b", "c")
	w.wantBodies(t, "invisible for no time", "a b c")
	w.wantBodies(t, "so at once again", "a b c")
}

func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"VisibilityTimeout": "60"})
	w.cloud.Queues.Misbehave("work", sqs.Misbehaviour{Duplicate: 1})
	w.send(t, "a")
	first := w.wantBodies(t, "the first time", "a")
	w.remove(t, first[0].ReceiptHandle)
	again := w.wantBodies(t, "a duplicate, although deleted in time", "a")
	if *again[0].MessageId != *first[0].MessageId || *again[0].ReceiptHandle == *first[0].ReceiptHandle || again[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("duplicate %+v of %+v", again[0], first[0])
	}
	w.remove(t, again[0].ReceiptHandle)
	w.pass(time.Hour)
	w.wantBodies(t, "once is enough", "")

	w.cloud.Queues.Misbehave("work", sqs.Misbehaviour{Reorder: true, Seed: 3})
	w.send(t, "a", "b", "c", "d", "e", "f")
	got := strings.Fields(bodies(w.receive(t)))
	if slices.IsSorted(got) {
		t.Errorf("received %v in order", got)
	}
	slices.Sort(got)
	if want := []string{"a", "b", "c", "d", "e", "f"}; !slices.Equal(got, want) {
		t.Errorf("received %v, want %v in any order", got, want)
	}
}

func TestADuplicateIsNoDeadLetter(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.queue = w.create(t, "source", map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:111122223333:work","maxReceiveCount":1}`,
	})
	w.cloud.Queues.Misbehave("source", sqs.Misbehaviour{Duplicate: 1})
	w.send(t, "a")
	w.remove(t, w.receive(t)[0].ReceiptHandle)
	w.wantBodies(t, "the duplicate", "a")
	if dead := w.cloud.Queues.Messages("work"); len(dead) != 0 {
		t.Errorf("dead letters: %+v", dead)
	}
}
