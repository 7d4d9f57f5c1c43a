package lambda_test

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	cloud "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// TestEventSourceOnQueues plays a message that fails once and one that fails for
// good, against the simulated SQS and, where AWS_ENDPOINT_URL names a server such
// as moto, against that.
func TestEventSourceOnQueues(t *testing.T) {
	t.Parallel()
	t.Run("simulator", func(t *testing.T) {
		t.Parallel()
		simulated := cloud.New(cloud.Options{})
		t.Cleanup(simulated.Close)
		playQueue(t, sqs.NewFromConfig(simulated.Config()))
	})
	t.Run("AWS_ENDPOINT_URL", func(t *testing.T) {
		t.Parallel()
		endpoint := os.Getenv("AWS_ENDPOINT_URL")
		if endpoint == "" {
			t.Skip("AWS_ENDPOINT_URL is not set")
		}
		playQueue(t, sqs.New(sqs.Options{
			BaseEndpoint: &endpoint, Region: cloud.Region,
			Credentials: credentials.NewStaticCredentialsProvider(cloud.AccessKeyID, cloud.SecretAccessKey, ""),
		}))
	})
}

func playQueue(t *testing.T, client *sqs.Client) {
	t.Helper()
	deadURL, deadARN := createQueue(t, client, "dead-"+time.Now().Format("150405.000000000")[7:], nil)
	policy, _ := json.Marshal(map[string]string{"deadLetterTargetArn": deadARN, "maxReceiveCount": "2"})
	url, arn := createQueue(t, client, "work-"+time.Now().Format("150405.000000000")[7:], map[string]string{
		"VisibilityTimeout": "1", "RedrivePolicy": string(policy),
	})
	for _, body := range []string{"fine", "fails once", "fails always"} {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	function := &picky{arn: arn, seen: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	source := lambda.EventSource{Client: client, QueueURL: url, Function: function, FunctionTimeout: time.Second}
	done := make(chan error)
	go func() { done <- source.Run(ctx) }()

	var dead []types.Message
	waitFor(t, func() bool {
		output, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &deadURL, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		dead = append(dead, output.Messages...)
		return len(dead) > 0
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := aws.ToString(dead[0].Body); len(dead) != 1 || got != "fails always" {
		t.Errorf("%d dead letters, the first is %q", len(dead), got)
	}
	function.mu.Lock()
	defer function.mu.Unlock()
	for body, want := range map[string]int{"fine": 1, "fails once": 2, "fails always": 2} {
		if function.seen[body] != want {
			t.Errorf("%q was tried %d times, want %d", body, function.seen[body], want)
		}
	}
	if function.wrong != "" {
		t.Error(function.wrong)
	}
}

func createQueue(t *testing.T, client *sqs.Client, name string, attributes map[string]string) (url, arn string) {
	t.Helper()
	created, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: created.QueueUrl})
	})
	output, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: created.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *created.QueueUrl, output.Attributes["QueueArn"]
}

// picky is a function that fails messages by their body.
type picky struct {
	arn string

	mu    sync.Mutex
	seen  map[string]int
	wrong string
}

func (p *picky) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var event events.SQSEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		p.wrong = err.Error()
	}
	var response events.SQSEventResponse
	for _, record := range event.Records {
		p.seen[record.Body]++
		if record.EventSourceARN != p.arn || record.Attributes["ApproximateReceiveCount"] == "" {
			p.wrong = "the event lacks the queue or the receive count: " + string(payload)
		}
		if record.Body == "fails always" || record.Body == "fails once" && p.seen[record.Body] == 1 {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return json.Marshal(response)
}
