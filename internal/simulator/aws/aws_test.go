package aws_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

func start(t *testing.T) *simulator.Server {
	t.Helper()
	server := simulator.New(simulator.Options{})
	t.Cleanup(server.Close)
	return server
}

// once is a configuration whose clients don't repeat calls.
func once(server *simulator.Server) aws.Config {
	config := server.Config()
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return config
}

func code(err error) string {
	var refusal smithy.APIError
	if errors.As(err, &refusal) {
		return refusal.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// services makes one harmless call to each service.
func services(t *testing.T, config aws.Config) map[string]error {
	t.Helper()
	errs := map[string]error{}
	_, errs["secretsmanager"] = secretsmanager.NewFromConfig(config).ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
	_, errs["sqs"] = sqs.NewFromConfig(config).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	_, errs["dynamodb"] = dynamodb.NewFromConfig(config).GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String("none"), Key: attributes{"id": text("a")},
	})
	_, errs["eventbridge"] = eventbridge.NewFromConfig(config).CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String("b")})
	_, errs["s3"] = s3.NewFromConfig(config).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("none"), Key: aws.String("k")})
	_, errs["sts"] = sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	return errs
}

func codes(errs map[string]error) map[string]string {
	codes := map[string]string{}
	for name, err := range errs {
		codes[name] = code(err)
	}
	return codes
}

func TestEveryServiceChecksSignatures(t *testing.T) {
	t.Parallel()
	server := start(t)
	with := func(change func(*aws.Credentials)) func(*aws.Config) {
		return func(config *aws.Config) {
			credentials := aws.Credentials{AccessKeyID: simulator.AccessKeyID, SecretAccessKey: simulator.SecretAccessKey}
			change(&credentials)
			config.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }))
		}
	}
	everywhere := func(json, s3, sts string) map[string]string {
		return map[string]string{"secretsmanager": json, "sqs": json, "dynamodb": json, "eventbridge": json, "s3": s3, "sts": sts}
	}
	for what, test := range map[string]struct {
		change func(*aws.Config)
		want   map[string]string
	}{
		"the right key": {
			func(*aws.Config) {},
			map[string]string{"secretsmanager": "", "sqs": "", "dynamodb": "ResourceNotFoundException", "eventbridge": "", "s3": "NoSuchBucket", "sts": ""},
		},
		"a wrong secret": {
			with(func(c *aws.Credentials) { c.SecretAccessKey = "wrong" }),
			everywhere("InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
		},
		"an unknown key": {
			with(func(c *aws.Credentials) { c.AccessKeyID = "AKIAUNKNOWN" }),
			everywhere("UnrecognizedClientException", "InvalidAccessKeyId", "InvalidClientTokenId"),
		},
		"a token that the key doesn't have": {
			with(func(c *aws.Credentials) { c.SessionToken = "token" }),
			everywhere("UnrecognizedClientException", "InvalidAccessKeyId", "InvalidClientTokenId"),
		},
		"another region": {
			func(config *aws.Config) { config.Region = "us-east-1" },
			everywhere("InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
		},
		"no signature": {
			func(config *aws.Config) { config.Credentials = aws.AnonymousCredentials{} },
			everywhere("MissingAuthenticationTokenException", "AccessDenied", "MissingAuthenticationToken"),
		},
	} {
		t.Run(what, func(t *testing.T) {
			config := once(server)
			test.change(&config)
			if diff := cmp.Diff(test.want, codes(services(t, config))); diff != "" {
				t.Errorf("codes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultsReachEveryService(t *testing.T) {
	t.Parallel()
	server := start(t)
	server.Faults.Add(fault.Any(), fault.Always(), fault.Throttle())
	want := map[string]string{
		"secretsmanager": "ThrottlingException", "sqs": "ThrottlingException", "dynamodb": "ThrottlingException",
		"eventbridge": "ThrottlingException", "s3": "SlowDown", "sts": "ThrottlingException",
	}
	if diff := cmp.Diff(want, codes(services(t, once(server)))); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	for _, target := range []string{
		"secretsmanager.ListSecrets", "AmazonSQS.CreateQueue", "DynamoDB_20120810.GetItem", "AWSEvents.CreateEventBus",
		"s3.GetObject", "sts.GetCallerIdentity",
	} {
		if got := server.Faults.Count(fault.Target(target)); got != 1 {
			t.Errorf("%d calls of %s are logged, want 1", got, target)
		}
	}
	for _, call := range server.Faults.Calls() {
		if strings.Contains(call.String(), simulator.AccessKeyID) {
			t.Errorf("the log has the access key: %s", call)
		}
	}
}

func TestRetriesSucceedAfterFaults(t *testing.T) {
	t.Parallel()
	for what, effect := range map[string]fault.Effect{
		"throttled": fault.Throttle(), "reset": fault.Reset(), "a 500": fault.AWSError(500, "InternalServiceError", "x"),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			rule := server.Faults.Add(fault.Any(), fault.Once(), effect)
			_, err := secretsmanager.NewFromConfig(server.Config()).ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
			if err != nil || rule.Fired() != 1 || server.Faults.Total() != 2 {
				t.Errorf("error %v, fired %d, %d calls; want none, 1 and 2", err, rule.Fired(), server.Faults.Total())
			}
		})
	}
}

func TestWhatIsNotSimulatedIsRefusedLoudly(t *testing.T) {
	t.Parallel()
	server := start(t)
	_, err := secretsmanager.NewFromConfig(once(server)).RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("x")})
	if code(err) != "NotSimulated" || !strings.Contains(err.Error(), `no operation "secretsmanager.RotateSecret"`) {
		t.Errorf("an unknown operation: %v", err)
	}
	for what, test := range map[string]struct {
		method, path, target, contentType, body string
		status                                  int
		want                                    string
	}{
		"an unknown service":       {"POST", "/", "Kinesis_20131202.ListStreams", "application/x-amz-json-1.1", "{}", 501, "Kinesis_20131202.ListStreams"},
		"a body beyond all limits": {"POST", "/", "AmazonSQS.SendMessage", "application/x-amz-json-1.0", strings.Repeat(" ", 16<<20+1), 413, "read body"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Target", test.target)
		request.Header.Set("Content-Type", test.contentType)
		response, err := loopback.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != test.status || !strings.Contains(string(answer), test.want) {
			t.Errorf("%s: %d %s, error %v, want %d with %q", what, response.StatusCode, answer, err, test.status, test.want)
		}
	}
}

func TestEnvironmentReachesTheServer(t *testing.T) {
	t.Parallel()
	server := start(t)
	want := []string{
		"AWS_ENDPOINT_URL=" + server.URL, "AWS_REGION=eu-central-1",
		"AWS_ACCESS_KEY_ID=AKIASIMULATOR", "AWS_SECRET_ACCESS_KEY=simulator-secret",
	}
	if diff := cmp.Diff(want, server.Environment()); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestCloseEndsAPoll(t *testing.T) {
	t.Parallel()
	server := simulator.New(simulator.Options{})
	client := sqs.NewFromConfig(once(server))
	queue, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 20})
		ended <- err
	}()
	for server.Faults.Count(fault.Target("ReceiveMessage")) == 0 {
		runtime.Gosched() // until the poll has arrived
	}
	server.Close()
	if err := <-ended; err == nil {
		t.Error("the poll ended without an error")
	}
}

func TestServicesKeepTheInjectedTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	server := simulator.New(simulator.Options{Now: func() time.Time { return at }})
	t.Cleanup(server.Close)
	client := secretsmanager.NewFromConfig(once(server))
	if err := server.Secrets.Add("name", "value", nil); err != nil {
		t.Fatal(err)
	}
	out, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("name")})
	if err != nil || !out.CreatedDate.Equal(at) {
		t.Errorf("created %v, error %v, want %v", out.CreatedDate, err, at)
	}
}
