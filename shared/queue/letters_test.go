package queue_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/shared/queue"
)

// TestLettersAreReadWhereTheyAre: each service puts the reason somewhere else.
func TestLettersAreReadWhereTheyAre(t *testing.T) {
	t.Parallel()
	cloud := simaws.New(simaws.Options{})
	t.Cleanup(cloud.Close)
	client := sqs.NewFromConfig(cloud.Config())
	created, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("dead")})
	if err != nil {
		t.Fatal(err)
	}
	const event = `{"detail-type":"Linker Values Changed"}`
	for _, letter := range []struct{ body, attribute, text string }{
		{`{"task":"values"}`, "reason", "401 Unauthorized"},
		{event, "ERROR_MESSAGE", "no permissions"},
		{`{"requestContext":{"condition":"RetriesExhausted"},"requestPayload":` + event + `,"responsePayload":{"errorMessage":"out of time"}}`, "", ""},
		{`{"requestContext":{"condition":"EventAgeExceeded"},"requestPayload":` + event + `}`, "", ""},
		{"no JSON", "", ""},
	} {
		in := &sqs.SendMessageInput{QueueUrl: created.QueueUrl, MessageBody: &letter.body}
		if letter.attribute != "" {
			in.MessageAttributes = map[string]types.MessageAttributeValue{letter.attribute: {DataType: aws.String("String"), StringValue: &letter.text}}
		}
		if _, err := client.SendMessage(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	letters := queue.Letters{SQS: client, URL: *created.QueueUrl}
	for range 2 { // reading takes nothing away
		read, err := letters.Read(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		var got [][2]string
		for _, letter := range read {
			if letter.Sent.IsZero() {
				t.Errorf("letter %s has no time", letter.ID)
			}
			got = append(got, [2]string{letter.Body, letter.Reason})
		}
		want := [][2]string{{`{"task":"values"}`, "401 Unauthorized"}, {event, "no permissions"}, {event, "out of time"}, {event, "EventAgeExceeded"}, {"no JSON", ""}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("letters (-want +got):\n%s", diff)
		}
	}
	if read, err := letters.Read(t.Context(), 2); err != nil || len(read) != 2 {
		t.Errorf("at most two: %d, %v", len(read), err)
	}
	if n, err := letters.Count(t.Context()); err != nil || n != 5 {
		t.Errorf("%d letters are visible, error %v", n, err)
	}
}
