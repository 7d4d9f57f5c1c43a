package awsenv_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// An AWS message as AWS writes them: it holds what must not get out.
const leaky = "User: arn:aws:sts::123456789012:assumed-role/app is not authorized"

func TestCutKeepsTheCodeAndDropsTheMessage(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"AccessDeniedException":               awsenv.ErrAccessDenied,
		"AccessDenied":                        awsenv.ErrAccessDenied,
		"NotAuthorized":                       awsenv.ErrAccessDenied,
		"OptInRequired":                       awsenv.ErrAccessDenied,
		"UnrecognizedClientException":         awsenv.ErrBadCredentials,
		"InvalidClientTokenId":                awsenv.ErrBadCredentials,
		"InvalidAccessKeyId":                  awsenv.ErrBadCredentials,
		"InvalidSignatureException":           awsenv.ErrBadCredentials,
		"SignatureDoesNotMatch":               awsenv.ErrBadCredentials,
		"IncompleteSignature":                 awsenv.ErrBadCredentials,
		"MissingAuthenticationToken":          awsenv.ErrBadCredentials,
		"MissingAuthenticationTokenException": awsenv.ErrBadCredentials,
		"ExpiredTokenException":               awsenv.ErrBadCredentials,
		"ExpiredToken":                        awsenv.ErrBadCredentials,
		"RequestExpired":                      awsenv.ErrBadCredentials,
		"ThrottlingException":                 awsenv.ErrThrottled,
		"TooManyRequestsException":            awsenv.ErrThrottled,
		"LimitExceededException":              nil,
		"DecryptionFailure":                   nil,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			err := fmt.Errorf("operation error Secrets Manager: %w", &smithy.GenericAPIError{Code: code, Message: leaky})
			cut := awsenv.Cut(err)
			if cut.Code != code || !errors.Is(cut.Kind, want) || (want != nil && !errors.Is(cut, want)) {
				t.Errorf("Cut = code %q, kind %v; want %q, %v", cut.Code, cut.Kind, code, want)
			}
			if text := fmt.Sprintf("%v %+v %#v", cut, cut, cut); strings.Contains(text, "arn:") || strings.Contains(text, "123456789012") {
				t.Errorf("the cut error shows the message: %s", text)
			}
			if !strings.Contains(cut.Error(), code) {
				t.Errorf("the text %q doesn't name the code", cut)
			}
		})
	}
}

func TestCutNamesWhyNoServiceAnswered(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, test := range map[string]struct {
		err  error
		want error
		text string
	}{
		"canceled":            {fmt.Errorf("operation error: %w", context.Canceled), context.Canceled, "context canceled"},
		"deadline":            {fmt.Errorf("operation error: %w", context.DeadlineExceeded), context.DeadlineExceeded, "context deadline exceeded"},
		"connection refused":  {fmt.Errorf("operation error: %w", refused), awsenv.ErrUnreachable, "AWS could not be reached: dial tcp: connection refused"},
		"unknown host":        {&net.DNSError{Err: "no such host", Name: "secretsmanager.nowhere.amazonaws.com"}, awsenv.ErrUnreachable, "AWS could not be reached: look up secretsmanager.nowhere.amazonaws.com: no such host"},
		"our bad region":      {fmt.Errorf("make request: %w", awsenv.ErrRegion), awsenv.ErrUnreachable, "AWS could not be reached: " + awsenv.ErrRegion.Error()},
		"our bad endpoint":    {fmt.Errorf("make request: %w", awsenv.ErrEndpoint), awsenv.ErrUnreachable, "AWS could not be reached: " + awsenv.ErrEndpoint.Error()},
		"the SDK's no region": {errors.New("resolve endpoint: endpoint rule error, Invalid Configuration: Missing Region"), awsenv.ErrNoRegion, awsenv.ErrNoRegion.Error()},
		"the SDK's no keys":   {errors.New("get identity: get credentials: failed to refresh cached credentials"), awsenv.ErrNoCredentials, awsenv.ErrNoCredentials.Error()},
		"something else":      {errors.New("deserialization failed " + leaky), awsenv.ErrUnreachable, "AWS could not be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cut := awsenv.Cut(test.err)
			if !errors.Is(cut, test.want) || cut.Error() != test.text {
				t.Errorf("Cut = %q, want kind %v and text %q", cut, test.want, test.text)
			}
		})
	}
	if awsenv.Cut(nil) != nil {
		t.Error("Cut(nil) is no nil")
	}
}

// The real client's errors, as far as a loopback server can cause them.
func TestCutReadsTheErrorsOfARealClient(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-RequestId", "7a62c49f")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    error
		text    string
	}{
		"denied":          {answer(400, `{"__type":"AccessDeniedException","Message":"`+leaky+`"}`), awsenv.ErrAccessDenied, "access denied (AccessDeniedException, request 7a62c49f)"},
		"a proxy's 503":   {answer(503, "<html>busy</html>"), awsenv.ErrServer, "failed in every attempt"},
		"internal error":  {answer(500, `{"__type":"InternalServiceError"}`), awsenv.ErrServer, "InternalServiceError"},
		"throttled, 503":  {answer(503, `{"__type":"ThrottlingException"}`), awsenv.ErrThrottled, "ThrottlingException"},
		"connection lost": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, awsenv.ErrUnreachable, "could not be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.handler)
			t.Cleanup(server.Close)
			config, err := awsenv.Config(environment(map[string]string{
				"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL": server.URL,
			}))
			if err != nil {
				t.Fatal(err)
			}
			config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			_, err = secretsmanager.NewFromConfig(config).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("x")})
			cut := awsenv.Cut(err)
			if !errors.Is(cut, test.want) || !strings.Contains(cut.Error(), test.text) {
				t.Errorf("Cut = %q, want kind %v and text with %q", cut, test.want, test.text)
			}
		})
	}
}

// The SDK's own errors repeat the region and the endpoint, password included.
func TestCutKnowsTheSDKWithABadConfiguration(t *testing.T) {
	t.Parallel()
	badRegion := "AWS could not be reached: " + awsenv.ErrRegion.Error()
	badEndpoint := "AWS could not be reached: " + awsenv.ErrEndpoint.Error()
	for name, test := range map[string]struct {
		region, endpoint string
		credentials      error
		want             error
		text             string
	}{
		"no region":               {"", "", nil, awsenv.ErrNoRegion, awsenv.ErrNoRegion.Error()},
		"no region's name":        {"eu west 1", "", nil, awsenv.ErrUnreachable, badRegion},
		"no credentials":          {"eu-west-1", "", errors.New("no EC2 IMDS role found"), awsenv.ErrNoCredentials, awsenv.ErrNoCredentials.Error()},
		"endpoint without scheme": {"eu-west-1", "127.0.0.1:4566", nil, awsenv.ErrUnreachable, badEndpoint},
		"endpoint with a blank":   {"eu-west-1", "http://user:canary@a b", nil, awsenv.ErrUnreachable, badEndpoint},
		"endpoint for files":      {"eu-west-1", "ftp://user:canary@127.0.0.1", nil, awsenv.ErrUnreachable, badEndpoint},
		"endpoint without host":   {"eu-west-1", "http://", nil, awsenv.ErrUnreachable, badEndpoint},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := aws.Config{
				Region: test.region,
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "key"}, test.credentials
				}),
				Retryer: func() aws.Retryer { return aws.NopRetryer{} },
			}
			if test.endpoint != "" {
				config.BaseEndpoint = aws.String(test.endpoint)
			}
			_, err := secretsmanager.NewFromConfig(config).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("x")})
			if cut := awsenv.Cut(err); !errors.Is(cut, test.want) || cut.Error() != test.text {
				t.Errorf("Cut(%v) = %v, want kind %v and text %q", err, cut, test.want, test.text)
			}
		})
	}
}
