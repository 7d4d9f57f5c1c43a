package awsjson_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/awsjson"
	"github.com/linkersync/linkersync/shared/transport"
)

func config(t *testing.T, endpoint string) aws.Config {
	t.Helper()
	made, err := awsenv.Config(func(name string) string {
		return map[string]string{
			"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": simaws.Region,
			"AWS_ACCESS_KEY_ID": simaws.AccessKeyID, "AWS_SECRET_ACCESS_KEY": simaws.SecretAccessKey,
		}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// endpoint is a simulator's, or that of the server which `make test-aws` names.
func endpoint(t *testing.T) string {
	if named := os.Getenv("LINKERSYNC_TEST_AWS_ENDPOINT"); named != "" {
		return named
	}
	server := simaws.New(simaws.Options{})
	t.Cleanup(server.Close)
	return server.URL
}

// TestServicesTakeOurRequests: signatures, targets and protocol versions are right.
func TestServicesTakeOurRequests(t *testing.T) {
	t.Parallel()
	config := config(t, endpoint(t))
	table := map[string]any{
		"TableName": "awsjson", "BillingMode": "PAY_PER_REQUEST",
		"AttributeDefinitions": []map[string]string{{"AttributeName": "id", "AttributeType": "S"}},
		"KeySchema":            []map[string]string{{"AttributeName": "id", "KeyType": "HASH"}},
	}
	dynamodb := awsjson.New(config, awsjson.DynamoDB)
	if err := dynamodb.Call(t.Context(), "CreateTable", table, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = dynamodb.Call(context.Background(), "DeleteTable", map[string]any{"TableName": "awsjson"}, nil)
	})
	if err := dynamodb.Call(t.Context(), "CreateTable", table, nil); !awsjson.Is(err, "ResourceInUseException") {
		t.Errorf("a table twice: %v, want ResourceInUseException", err)
	}
	id := map[string]any{"id": map[string]string{"S": "x"}}
	put := map[string]any{"TableName": "awsjson", "Item": id}
	if err := dynamodb.Call(t.Context(), "PutItem", put, nil); err != nil {
		t.Fatal(err)
	}
	var out struct{ Item map[string]map[string]string }
	err := dynamodb.Call(t.Context(), "GetItem", map[string]any{"TableName": "awsjson", "Key": id, "ConsistentRead": true}, &out)
	if diff := cmp.Diff(map[string]map[string]string{"id": {"S": "x"}}, out.Item); diff != "" || err != nil {
		t.Errorf("item (-want +got), error %v:\n%s", err, diff)
	}
	entries := map[string]any{"Entries": []map[string]string{{"Source": "linkersync", "DetailType": "Test", "Detail": "{}"}}}
	if err := awsjson.New(config, awsjson.EventBridge).Call(t.Context(), "PutEvents", entries, nil); err != nil {
		t.Error(err)
	}
}

// TestAnIncompleteConfiguration behaves as it does with the SDK's clients.
func TestAnIncompleteConfiguration(t *testing.T) {
	t.Parallel()
	put := map[string]any{"Entries": []map[string]string{{"Source": "s", "DetailType": "t", "Detail": "{}"}}}
	for name, test := range map[string]struct {
		change func(*aws.Config)
		calls  int
		want   error
	}{
		"no HTTP client":         {func(c *aws.Config) { c.HTTPClient = nil }, 1, nil},
		"no retry policy":        {func(c *aws.Config) { c.Retryer = nil }, 1, nil},
		"no credentials":         {func(c *aws.Config) { c.Credentials = nil }, 0, awsenv.ErrNoCredentials},
		"no region":              {func(c *aws.Config) { c.Region = "" }, 0, awsenv.ErrNoRegion},
		"region of another host": {func(c *aws.Config) { c.Region, c.BaseEndpoint = "127.0.0.1:9#", nil }, 0, awsenv.ErrRegion},
		"endpoint with a blank":  {func(c *aws.Config) { c.BaseEndpoint = aws.String("http://user:canary@a b") }, 0, awsenv.ErrEndpoint},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := simaws.New(simaws.Options{})
			t.Cleanup(server.Close)
			config := config(t, server.URL)
			test.change(&config)
			err := awsjson.New(config, awsjson.EventBridge).Call(t.Context(), "PutEvents", put, nil)
			if !errors.Is(err, test.want) || server.Faults.Total() != test.calls {
				t.Errorf("%d calls, error %v; want %d, %v", server.Faults.Total(), err, test.calls, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows the endpoint's password: %v", err)
			}
		})
	}
}

// sender is an HTTP client that keeps requests to itself.
type sender func(*http.Request) (*http.Response, error)

func (s sender) Do(r *http.Request) (*http.Response, error) { return s(r) }

func TestHosts(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-central-1": "https://dynamodb.eu-central-1.amazonaws.com/",
		"cn-north-1":   "https://dynamodb.cn-north-1.amazonaws.com.cn/",
	} {
		config := config(t, "")
		config.Region, config.Retryer = region, func() aws.Retryer { return aws.NopRetryer{} }
		var got string
		config.HTTPClient = sender(func(r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			return nil, errors.New("not sent")
		})
		if err := awsjson.New(config, awsjson.DynamoDB).Call(t.Context(), "GetItem", struct{}{}, nil); err == nil || got != want {
			t.Errorf("%s: called %s, want %s (%v)", region, got, want, err)
		}
	}
}

func TestInputThatIsNoJSONIsNotSent(t *testing.T) {
	t.Parallel()
	config := config(t, "")
	config.HTTPClient = sender(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, errors.New("not sent")
	})
	err := awsjson.New(config, awsjson.DynamoDB).Call(t.Context(), "GetItem", func() {}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "encode GetItem: ") {
		t.Errorf("error %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status       int
		header, body string
		want         string
	}{
		"type with a namespace": {400, "", `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"arn:aws:x"}`, "ConditionalCheckFailedException"},
		"bare type":             {400, "", `{"__type":"ValidationException"}`, "ValidationException"},
		"code member":           {400, "", `{"code":"AccessDeniedException"}`, "AccessDeniedException"},
		"header with an URL":    {403, "ExpiredTokenException:http://internal.amazon.com/", ``, "ExpiredTokenException"},
		"a proxy's page":        {403, "", `<html>`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amzn-Requestid", "r-1")
				if test.header != "" {
					w.Header().Set("X-Amzn-Errortype", test.header)
				}
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			t.Cleanup(server.Close)
			err := awsjson.New(config(t, server.URL), awsjson.DynamoDB).Call(t.Context(), "GetItem", struct{}{}, nil)
			refused, ok := errors.AsType[*awsjson.Error](err)
			if !ok || refused.Code != test.want || refused.Status != test.status || refused.RequestID != "r-1" || string(refused.Body) != test.body {
				t.Fatalf("error %#v", err)
			}
			if strings.Contains(err.Error(), "arn:") {
				t.Errorf("the error shows an ARN: %v", err)
			}
		})
	}
}

func TestTheFaultIsTheServersFrom500On(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]smithy.ErrorFault{499: smithy.FaultClient, 500: smithy.FaultServer, 503: smithy.FaultServer} {
		if got := (&awsjson.Error{Status: status}).ErrorFault(); got != want {
			t.Errorf("%d: the fault is the %s's, want the %s's", status, got, want)
		}
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect fault.Effect
		when   fault.When
		calls  int
		ok     bool
	}{
		"throttled once":           {fault.Throttle(), fault.Once(), 2, true},
		"a server error once":      {fault.AWSError(500, "InternalServerError", ""), fault.Once(), 2, true},
		"reset once":               {fault.Reset(), fault.Once(), 2, true},
		"cut off once":             {fault.CutBody(), fault.Once(), 2, true},
		"refused":                  {fault.AWSError(400, "AccessDeniedException", ""), fault.Always(), 1, false},
		"throttled time and again": {fault.Throttle(), fault.Always(), awsenv.MaxAttempts, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := simaws.New(simaws.Options{})
			t.Cleanup(server.Close)
			server.Faults.Add(fault.Any(), test.when, test.effect)
			var out struct{ TableNames []string }
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // as a function's, which leaves room for a pause
			defer cancel()
			err := awsjson.New(config(t, server.URL), awsjson.EventBridge).Call(ctx, "PutEvents",
				map[string]any{"Entries": []map[string]string{{"Source": "s", "DetailType": "t", "Detail": "{}"}}}, &out)
			if (err == nil) != test.ok || server.Faults.Total() != test.calls {
				t.Errorf("%d calls, error %v; want %d, success %v", server.Faults.Total(), err, test.calls, test.ok)
			}
		})
	}
}

func TestNoAttemptBeginsAfterTheDeadline(t *testing.T) {
	t.Parallel()
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(server.Close)
	slow := config(t, server.URL)
	slow.Retryer = func() aws.Retryer { return hourly{aws.NopRetryer{}} }
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := awsjson.New(slow, awsjson.DynamoDB).Call(ctx, "GetItem", struct{}{}, nil)
	if refused, ok := errors.AsType[*awsjson.Error](err); !ok || refused.Status != 500 || calls != 1 {
		t.Errorf("%d calls, error %v; want the first call's error at once", calls, err)
	}
}

// hourly tries again after an hour.
type hourly struct{ aws.NopRetryer }

func (hourly) IsErrorRetryable(error) bool                  { return true }
func (hourly) MaxAttempts() int                             { return 9 }
func (hourly) RetryDelay(int, error) (time.Duration, error) { return time.Hour, nil }

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, want string }{
		"not JSON":      {"<html>", "read answer of GetItem"},
		"beyond bounds": {`{"a":"` + strings.Repeat("x", 2<<20) + `"}`, transport.ErrBodyTooLarge.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(test.body)) }))
			t.Cleanup(server.Close)
			once := config(t, server.URL)
			once.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			var out struct{}
			err := awsjson.New(once, awsjson.DynamoDB).Call(t.Context(), "GetItem", struct{}{}, &out)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}
