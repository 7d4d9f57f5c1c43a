// Package awsjson calls operations of AWS services that speak the JSON protocol:
// one POST, one target header, JSON in and out.
//
// The SDK's own packages would do it too. Those of DynamoDB, EventBridge and SQS build
// the schemas of every operation when a process starts, which costs our functions
// more than half of their cold start and 0.5 MB of zip, for the seven operations
// that we call. This one keeps the SDK's signer, credentials, HTTP client and retry
// policy. See docs/decisions/0004-small-aws-clients.md.
// Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
package awsjson

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/transport"
)

// maxAnswer bounds an answer, in bytes: an item has at most 400 KB.
const maxAnswer = 1 << 20

// Service is what tells one service from another on the wire.
type Service struct {
	// Name is in the host and in the signature: "dynamodb".
	Name string
	// Target is what the X-Amz-Target header begins with: "DynamoDB_20120810".
	Target string
	// Version is that of the protocol: "1.0" or "1.1".
	Version string
}

// The services that are called.
var (
	DynamoDB    = Service{Name: "dynamodb", Target: "DynamoDB_20120810", Version: "1.0"}
	EventBridge = Service{Name: "events", Target: "AWSEvents", Version: "1.1"}
	SQS         = Service{Name: "sqs", Target: "AmazonSQS", Version: "1.0"}
)

// Client calls one service. Safe for concurrent use.
type Client struct {
	service Service
	config  aws.Config
	address *url.URL
	// wrong is why there is no address; each call says so.
	wrong   error
	signer  *v4.Signer
	retryer aws.Retryer
}

// New returns a client with the configuration's region, credentials, endpoint,
// HTTP client and retry policy. As with the SDK's own clients, the HTTP client and
// the policy may be missing, those of package awsenv are taken then, and a missing
// region or missing credentials are the error of each call. It dials nothing.
func New(config aws.Config, service Service) *Client {
	config = complete(config)
	address, err := awsenv.Address(config, service.Name)
	return &Client{
		service: service, config: config, address: address, wrong: err,
		signer: v4.NewSigner(), retryer: config.Retryer(),
	}
}

// complete puts what is needed in the place of what is missing.
func complete(config aws.Config) aws.Config {
	if config.HTTPClient == nil {
		config.HTTPClient = awshttp.NewBuildableClient().WithTimeout(awsenv.CallTimeout)
	}
	if config.Retryer == nil {
		config.Retryer = awsenv.NewRetryer
	}
	if config.Credentials == nil {
		config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, awsenv.ErrNoCredentials
		})
	}
	return config
}

// Error is a refusal by the service. Its text is the code alone: messages hold
// ARNs and account ids.
type Error struct {
	Code      string
	Status    int
	RequestID string
	// Body is the whole answer, for members beyond code and message.
	Body json.RawMessage
}

var _ smithy.APIError = (*Error)(nil)

// Error implements error.
func (e *Error) Error() string { return e.Code }

// ErrorCode implements smithy.APIError: the SDK's retry policy and package awsenv
// ask for it.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage implements smithy.APIError.
func (e *Error) ErrorMessage() string { return "" }

// ErrorFault implements smithy.APIError.
func (e *Error) ErrorFault() smithy.ErrorFault {
	if e.Status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// HTTPStatusCode returns the answer's status.
func (e *Error) HTTPStatusCode() int { return e.Status }

// ServiceRequestID returns AWS's id of the request.
func (e *Error) ServiceRequestID() string { return e.RequestID }

// Call sends one operation and decodes its answer into out, which may be nil. It
// tries again as the configuration's retry policy says. A refusal is an *Error.
func (c *Client) Call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode %s: %w", operation, err)
	}
	for attempt := 1; ; attempt++ {
		answer, err := c.once(ctx, operation, body)
		if err == nil {
			return decode(operation, answer, out)
		}
		if attempt >= c.retryer.MaxAttempts() || !c.retryer.IsErrorRetryable(err) {
			return err
		}
		if err := c.pause(ctx, attempt, err); err != nil {
			return err
		}
	}
}

// pause waits before the next attempt, unless that would be after the deadline.
func (c *Client) pause(ctx context.Context, attempt int, cause error) error {
	wait, err := c.retryer.RetryDelay(attempt, cause)
	if err != nil {
		return cause
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return cause
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (c *Client) once(ctx context.Context, operation string, body []byte) ([]byte, error) {
	if c.wrong != nil {
		return nil, c.wrong
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address.JoinPath("/").String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", awsenv.ErrEndpoint)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-"+c.service.Version)
	req.Header.Set("X-Amz-Target", c.service.Target+"."+operation)
	credentials, err := c.config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("get credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), c.service.Name, c.config.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	res, err := c.config.HTTPClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := transport.ReadBody(res.Body, maxAnswer)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		// The SDK's policy repeats it as what it is, a broken connection, under this type.
		return nil, &smithyhttp.RequestSendError{Err: err}
	}
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, refusal(res, answer)
	}
	return answer, nil
}

// refusal reads the code out of an error's body or header.
func refusal(res *http.Response, body []byte) error {
	var typed struct {
		Type string `json:"__type"`
		Code string `json:"code"`
	}
	_ = json.Unmarshal(body, &typed) // a proxy's page has no code, and the status says enough
	code := typed.Type
	if code == "" {
		code = typed.Code
	}
	if code == "" {
		code = res.Header.Get("X-Amzn-Errortype")
	}
	// "com.amazonaws.dynamodb.v20120810#Name:http://…" is Name.
	code = code[strings.LastIndex(code, "#")+1:]
	code, _, _ = strings.Cut(code, ":")
	return &Error{Code: code, Status: res.StatusCode, RequestID: res.Header.Get("X-Amzn-Requestid"), Body: body}
}

func decode(operation string, answer []byte, out any) error {
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("read answer of %s: %w", operation, errors.New("it is not as documented"))
	}
	return nil
}

// Is tells whether an error of Call is a refusal with the code.
func Is(err error, code string) bool {
	refused, ok := errors.AsType[*Error](err)
	return ok && refused.Code == code
}
