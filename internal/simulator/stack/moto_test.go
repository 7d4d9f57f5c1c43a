package stack_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/rollout"
)

// independent is the event flow's resources in another imitation of AWS.
type independent struct {
	t         *testing.T
	config    aws.Config
	endpoint  string
	name      string
	queues    map[string]string
	bitbucket *simbitbucket.Server
}

// TestEventFlowOnAnIndependentAWS is the flow with the SQS, S3, DynamoDB,
// EventBridge and Secrets Manager of the server that `make test-aws` starts.
func TestEventFlowOnAnIndependentAWS(t *testing.T) {
	t.Parallel()
	endpoint := os.Getenv("LINKERSYNC_TEST_AWS_ENDPOINT")
	if endpoint == "" {
		t.Skip("needs LINKERSYNC_TEST_AWS_ENDPOINT; make test-aws sets it")
	}
	w := newIndependent(t, endpoint)
	binaries := build(t)
	dispatch, linkers := w.function(binaries, "dispatch"), w.function(binaries, "linkers")
	detail, err := json.Marshal(rollout.Change{Manifest: manifestOf("ONE", "TWO")})
	w.must(err)
	event := fmt.Sprintf(`{"id":"event-1","source":"linkersync","detail-type":%q,"detail":%s}`, rollout.DetailChanged, detail)
	answer, err := dispatch.Invoke(t.Context(), []byte(event))
	if err != nil || !strings.Contains(string(answer), `"queued":5`) {
		t.Fatalf("dispatch answered %s, %v\n%s", answer, err, dispatch.Output())
	}
	// The same event again queues nothing more.
	if answer, err = dispatch.Invoke(t.Context(), []byte(event)); err != nil || !strings.Contains(string(answer), "dispatched before") {
		t.Errorf("the same event again: %s, %v", answer, err)
	}
	w.work(linkers, 5)
	table := &rollout.Table{DynamoDB: dynamodb.NewFromConfig(w.config), Name: w.name}
	run, err := table.Run(t.Context(), "event-1")
	if err != nil || run.Phase != rollout.Done || run.Changed != 5 || !run.Announced {
		t.Errorf("run %+v, error %v\n%s", run, err, linkers.Output())
	}
	for n := range 5 {
		in, _ := w.bitbucket.Installation(stack.ClientKey(appKey, stack.Number(n)))
		if got := slices.Sorted(slices.Values(in.Values["issues"])); !slices.Equal(got, []string{"ONE", "TWO"}) {
			t.Errorf("workspace %d has %v", n, got)
		}
	}
}

func (w *independent) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func newIndependent(t *testing.T, endpoint string) *independent {
	t.Helper()
	w := &independent{t: t, endpoint: endpoint, name: "flow-" + strings.ToLower(rand.Text()[:10]), queues: map[string]string{}, bitbucket: simbitbucket.New(simbitbucket.Options{})}
	_, err := w.bitbucket.Start()
	w.must(err)
	t.Cleanup(func() { w.must(w.bitbucket.Close()) })
	w.config, err = awsenv.Config(func(name string) string { return w.environment()[name] })
	w.must(err)
	for _, kind := range []string{"work", "dead"} {
		created, err := sqs.NewFromConfig(w.config).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(w.name + "-" + kind)})
		w.must(err)
		w.queues[kind] = *created.QueueUrl
	}
	_, err = dynamodb.NewFromConfig(w.config).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &w.name, BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: dynamotypes.ScalarAttributeTypeS}},
		KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: dynamotypes.KeyTypeHash}},
	})
	w.must(err)
	buckets := s3.NewFromConfig(w.config, func(o *s3.Options) { o.UsePathStyle = true })
	_, err = buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &w.name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: simaws.Region},
	})
	w.must(err)
	_, err = buckets.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &w.name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
	})
	w.must(err)
	_, err = eventbridge.NewFromConfig(w.config).CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &w.name})
	w.must(err)
	w.install(5)
	return w
}

func (w *independent) install(count int) {
	w.t.Helper()
	w.must(w.bitbucket.Seed(simbitbucket.State{Apps: []simbitbucket.App{{Key: appKey, Descriptor: simbitbucket.Descriptor(appKey, "https://app.example.com", "issues", "builds")}}}))
	store := installation.NewSecretsManager(secretsmanager.NewFromConfig(w.config), installation.Options{AppKey: appKey})
	for n := range count {
		clientKey, secret := stack.ClientKey(appKey, stack.Number(n)), "a-shared-secret-of-32-characters"
		w.must(w.bitbucket.Seed(simbitbucket.State{Installations: []simbitbucket.Installation{{
			AppKey: appKey, ClientKey: clientKey, SharedSecret: secret, Status: simbitbucket.Installed, Principal: stack.Workspace(stack.Number(n), "w"),
		}}}))
		_, err := store.Create(w.t.Context(), installation.Installation{
			AppKey: appKey, ClientKey: clientKey, State: installation.Installed, SharedSecret: redact.New(secret),
			Principal: installation.Principal{UUID: connect.WorkspaceUUID(stack.Number(n)), Type: "team"},
		}, "install")
		w.must(err)
		// The server outlives the test, and the app key's installations with it.
		w.t.Cleanup(func() {
			name, _ := installation.EncodeName(appKey, clientKey)
			_, _ = secretsmanager.NewFromConfig(w.config).DeleteSecret(context.Background(), &secretsmanager.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		})
	}
}

// environment is what template.yaml sets, but for the addresses.
func (w *independent) environment() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": w.endpoint, "AWS_REGION": simaws.Region,
		"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
	}
}

func (w *independent) function(binaries, name string) *lambda.Runtime {
	w.t.Helper()
	function, err := lambda.Start(lambda.Function{
		Name: name, Binary: filepath.Join(binaries, name, "bootstrap"), Region: simaws.Region, Concurrency: 1, Timeout: patience,
		Credentials: lambda.Credentials{AccessKeyID: simaws.AccessKeyID, SecretAccessKey: redact.New(simaws.SecretAccessKey)},
		Env: map[string]string{
			"AWS_ENDPOINT_URL": w.endpoint, "LINKERSYNC_APP_KEY": appKey, "LINKERSYNC_BITBUCKET_URL": w.bitbucket.URL(),
			"LINKERSYNC_BUS": w.name, "LINKERSYNC_BUCKET": w.name, "LINKERSYNC_TABLE": w.name,
			"LINKERSYNC_QUEUE_URL": w.queues["work"], "LINKERSYNC_DEAD_LETTERS_URL": w.queues["dead"],
		},
	})
	w.must(err)
	w.t.Cleanup(function.Stop)
	return function
}

// work hands the queue's messages to the function, as an event source mapping does.
func (w *independent) work(linkers *lambda.Runtime, count int) {
	w.t.Helper()
	client, work := sqs.NewFromConfig(w.config), w.queues["work"]
	for taken := 0; taken < count; {
		got, err := client.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &work, MaxNumberOfMessages: 10, WaitTimeSeconds: 5,
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
		})
		w.must(err)
		if len(got.Messages) == 0 {
			w.t.Fatalf("%d of %d messages were queued", taken, count)
		}
		var records []map[string]any
		for _, message := range got.Messages {
			records = append(records, map[string]any{"messageId": message.MessageId, "body": message.Body, "attributes": message.Attributes})
			_, err := client.DeleteMessage(w.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &work, ReceiptHandle: message.ReceiptHandle})
			w.must(err)
		}
		batch, err := json.Marshal(map[string]any{"Records": records})
		w.must(err)
		answer, err := linkers.Invoke(w.t.Context(), batch)
		if err != nil || string(answer) != `{"batchItemFailures":[]}` {
			w.t.Fatalf("linkers answered %s, %v\n%s", answer, err, linkers.Output())
		}
		taken += len(records)
	}
}
