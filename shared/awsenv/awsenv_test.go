package awsenv_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/awsenv"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestConfigTakesTheEnvironmentOfALambdaFunction(t *testing.T) {
	t.Parallel()
	config, err := awsenv.Config(environment(map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "token",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
	}))
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{
		"region": config.Region, "endpoint": aws.ToString(config.BaseEndpoint),
		"id": credentials.AccessKeyID, "key": credentials.SecretAccessKey, "token": credentials.SessionToken,
	}
	want := map[string]string{
		"region": "eu-west-1", "endpoint": "http://127.0.0.1:4566",
		"id": "AKID", "key": "key", "token": "token",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if config.Retryer == nil || config.Retryer().MaxAttempts() != awsenv.MaxAttempts {
		t.Error("the config doesn't carry the retry policy")
	}
}

func TestConfigFallsBackToTheDefaultRegionAndToTheRealEndpoint(t *testing.T) {
	t.Parallel()
	config, err := awsenv.Config(environment(map[string]string{
		"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if config.Region != "us-east-1" || config.BaseEndpoint != nil {
		t.Errorf("region %q, endpoint %v; want us-east-1 and none", config.Region, config.BaseEndpoint)
	}
}

func TestConfigReportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	const region, credentials, endpoint = "region", "credentials", "endpoint"
	kinds := map[string]error{region: awsenv.ErrNoRegion, credentials: awsenv.ErrNoCredentials, endpoint: awsenv.ErrEndpoint}
	good := map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key"}
	for name, test := range map[string]struct {
		change map[string]string
		want   []string
	}{
		"nothing set":              {map[string]string{"AWS_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, []string{region, credentials}},
		"no region":                {map[string]string{"AWS_REGION": ""}, []string{region}},
		"half a pair of keys":      {map[string]string{"AWS_SECRET_ACCESS_KEY": ""}, []string{credentials}},
		"the other half":           {map[string]string{"AWS_ACCESS_KEY_ID": ""}, []string{credentials}},
		"endpoint without scheme":  {map[string]string{"AWS_ENDPOINT_URL": "127.0.0.1:4566"}, []string{endpoint}},
		"endpoint of another kind": {map[string]string{"AWS_ENDPOINT_URL": "ftp://host"}, []string{endpoint}},
		"endpoint without host":    {map[string]string{"AWS_ENDPOINT_URL": "http://"}, []string{endpoint}},
		"endpoint with https":      {map[string]string{"AWS_ENDPOINT_URL": "https://localhost:4566"}, nil},
		"all of them":              {map[string]string{"AWS_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_ENDPOINT_URL": "x"}, []string{region, credentials, endpoint}},
		"none":                     {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := awsenv.Config(func(key string) string {
				if value, changed := test.change[key]; changed {
					return value
				}
				return good[key]
			})
			var got []string
			for _, kind := range []string{region, credentials, endpoint} {
				if errors.Is(err, kinds[kind]) {
					got = append(got, kind)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s\nerror: %v", diff, err)
			}
		})
	}
}

// BenchmarkConfig shows that building the configuration is no part of a cold
// start worth postponing.
func BenchmarkConfig(b *testing.B) {
	getenv := environment(map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key"})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := awsenv.Config(getenv); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAddresses are the SDK's: of the region's partition, FIPS and dual-stack as asked.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		variables map[string]string
		want      string
	}{
		"commercial":   {map[string]string{"AWS_REGION": "eu-west-1"}, "dynamodb.eu-west-1.amazonaws.com"},
		"China":        {map[string]string{"AWS_REGION": "cn-north-1"}, "dynamodb.cn-north-1.amazonaws.com.cn"},
		"FIPS":         {map[string]string{"AWS_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"}, "dynamodb-fips.us-east-1.amazonaws.com"},
		"dual-stack":   {map[string]string{"AWS_REGION": "us-east-1", "AWS_USE_DUALSTACK_ENDPOINT": "true"}, "dynamodb.us-east-1.api.aws"},
		"one endpoint": {map[string]string{"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "127.0.0.1:1"},
	} {
		test.variables["AWS_ACCESS_KEY_ID"], test.variables["AWS_SECRET_ACCESS_KEY"] = "id", "not-a-real-key"
		config, err := awsenv.Config(environment(test.variables))
		if err != nil {
			t.Fatal(err)
		}
		host := ""
		config.HTTPClient = clientFunc(func(req *http.Request) (*http.Response, error) {
			host = req.URL.Host
			return nil, errors.New("not sent")
		})
		config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
		_, _ = dynamodb.NewFromConfig(config).ListTables(t.Context(), &dynamodb.ListTablesInput{})
		if host != test.want {
			t.Errorf("%s: %q, want %q", name, host, test.want)
		}
	}
}

type clientFunc func(*http.Request) (*http.Response, error)

func (f clientFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

// TestAnAnswerHasABound: the SDK reads answers as a whole.
func TestAnAnswerHasABound(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"TableNames":["` + strings.Repeat("x", 9<<20) + `"]}`))
	}))
	defer server.Close()
	config, err := awsenv.Config(environment(map[string]string{
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "not-a-real-key", "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": server.URL,
	}))
	if err != nil {
		t.Fatal(err)
	}
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if _, err := dynamodb.NewFromConfig(config).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err == nil {
		t.Error("an answer of 9 MiB was read")
	}
}
