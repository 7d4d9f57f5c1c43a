// Package awsenv builds the configuration of AWS clients from the environment
// that Lambda gives a function: region, credentials, endpoint. It also cuts what
// the SDK returns as an error to what may be shown.
//
// It stands in for aws-sdk-go-v2/config, which costs a function 3 ms of its cold
// start and 1.2 MB of its binary for profiles, SSO and the instance metadata that
// a function never uses. The command uses that package, with [NewRetryer].
// [Config] and a client made from it take 0.1 ms and dial nothing, so functions
// make them before their first request and fail at once when a variable is missing.
//
// It does not read files, does not call anything, and does not refresh
// credentials: Lambda ends an execution environment before they expire.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
package awsenv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// CallTimeout bounds one attempt of one call. The slowest call we make, a batch
// of twenty secrets, takes well under a second; without a bound a lost connection
// would eat a function's whole time.
const CallTimeout = 10 * time.Second

// Errors of the configuration. Each says which variable to set.
var (
	// ErrNoRegion: neither AWS_REGION nor AWS_DEFAULT_REGION is set.
	ErrNoRegion = errors.New("no AWS region: set AWS_REGION, such as eu-west-1")
	// ErrRegion: the region can be no part of a host's name.
	ErrRegion = errors.New("the AWS region isn't one: set AWS_REGION, such as eu-west-1")
	// ErrNoCredentials: the environment holds no access key.
	ErrNoCredentials = errors.New("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role provides them")
	// ErrEndpoint: AWS_ENDPOINT_URL is set and is no URL.
	ErrEndpoint = errors.New("AWS_ENDPOINT_URL is no http or https URL with a host")
)

// Config returns the configuration that getenv describes, or all its problems at
// once. AWS_ENDPOINT_URL points every client at one server, as in the SDK's own
// configuration. Nothing is called; each client built from the result dials when
// it is used first.
func Config(getenv func(string) string) (aws.Config, error) {
	credentials := aws.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	config := aws.Config{
		Region:      firstOf(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }),
		HTTPClient:  bounded{awshttp.NewBuildableClient().WithTimeout(CallTimeout)},
		Retryer:     NewRetryer,
		// Read by each client, as from the SDK's own configuration.
		ConfigSources: []any{variants{fips: getenv("AWS_USE_FIPS_ENDPOINT") == "true", dualStack: getenv("AWS_USE_DUALSTACK_ENDPOINT") == "true"}},
	}
	var problems []error
	if config.Region == "" {
		problems = append(problems, ErrNoRegion)
	}
	if !credentials.HasKeys() {
		problems = append(problems, ErrNoCredentials)
	}
	if endpoint := getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		config.BaseEndpoint = aws.String(endpoint)
		if parsed, err := url.Parse(endpoint); err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
			problems = append(problems, ErrEndpoint)
		}
	}
	if len(problems) > 0 {
		return aws.Config{}, fmt.Errorf("configure AWS clients: %w", errors.Join(problems...))
	}
	return config, nil
}

// variants says which of a service's addresses in the region are used. FIPS and
// dual-stack don't go with AWS_ENDPOINT_URL.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
type variants struct{ fips, dualStack bool }

// GetUseFIPSEndpoint is what the SDK looks for.
func (v variants) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, v.fips, nil
}

// GetUseDualStackEndpoint is what the SDK looks for.
func (v variants) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, v.dualStack, nil
}

// maxAnswer bounds an answer, in bytes. The largest that is expected is a manifest of
// 4 MiB; a page of a hundred secrets has less.
const maxAnswer = 8 << 20

// bounded is an HTTP client whose answers have a bound: the SDK reads them as a whole.
type bounded struct{ aws.HTTPClient }

// Do implements aws.HTTPClient.
func (b bounded) Do(req *http.Request) (*http.Response, error) {
	res, err := b.HTTPClient.Do(req)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, maxAnswer)
	}
	return res, err
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
