package awsenv

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// Kinds of failure that every service shares. [ErrNoRegion] and
// [ErrNoCredentials] are kinds too: the command's configuration finds out about
// them only when it makes its first call.
var (
	// ErrAccessDenied: the credentials are good and lack a permission.
	ErrAccessDenied = errors.New("access denied")
	// ErrBadCredentials: AWS refused the credentials as expired or wrong.
	ErrBadCredentials = errors.New("AWS refused the credentials as expired or wrong: renew them, and check the clock")
	// ErrThrottled: AWS refused the call for its rate, in every attempt.
	ErrThrottled = errors.New("throttled by AWS in every attempt")
	// ErrUnreachable: no answer came.
	ErrUnreachable = errors.New("AWS could not be reached")
	// ErrServer: AWS failed, in every attempt.
	ErrServer = errors.New("AWS failed in every attempt")
)

// CredentialsError says why no credentials could be had, such as a role that STS doesn't
// give to an identity token. Its text may be shown: it must hold no account id and no secret.
// [Cut] keeps it, because the call that needed the credentials is not its cause.
type CredentialsError struct{ Reason string }

// Error returns the reason.
func (e *CredentialsError) Error() string { return e.Reason }

// Error is what is left of an SDK error. The SDK's text and the service's message
// hold ARNs and account ids, so neither is kept: a code, a request id for AWS
// support, and the kind tell the operator as much.
type Error struct {
	// Code is the service's error code, such as ThrottlingException; empty when
	// no service answered.
	Code string
	// RequestID is AWS's id of the refused request.
	RequestID string
	// Kind is one of the package's errors, context.Canceled or
	// context.DeadlineExceeded; nil when the code is specific to a service.
	Kind error
	// detail is the address that could not be dialled, or what is wrong with it.
	detail string
}

// Error returns the kind, the code and the request id.
func (e *Error) Error() string {
	text := "AWS refused the request"
	if e.Kind != nil {
		text = e.Kind.Error()
	}
	if e.detail != "" {
		text += ": " + e.detail
	}
	var notes []string
	if e.Code != "" {
		notes = append(notes, e.Code)
	}
	if e.RequestID != "" {
		notes = append(notes, "request "+e.RequestID)
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Cut returns what may be shown of an error that an AWS client returned. It
// returns nil for nil. The result doesn't wrap err.
func Cut(err error) *Error {
	if err == nil {
		return nil
	}
	cut := &Error{}
	var credentials *CredentialsError
	if errors.As(err, &credentials) {
		return &Error{Kind: credentials}
	}
	var identified interface{ ServiceRequestID() string }
	if errors.As(err, &identified) {
		cut.RequestID = identified.ServiceRequestID()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		cut.Code = api.ErrorCode()
		cut.Kind = kindOf(cut.Code)
	}
	// A proxy's 503 is an HTML page, without a code.
	var answered interface{ HTTPStatusCode() int }
	if cut.Kind == nil && errors.As(err, &answered) && answered.HTTPStatusCode() >= http.StatusInternalServerError {
		cut.Kind = ErrServer
	}
	if cut.Kind == nil && cut.Code == "" {
		cut.detail, cut.Kind = unanswered(err)
	}
	return cut
}

// kindOf sorts the codes that mean the same in every service.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
func kindOf(code string) error {
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled && code != "LimitExceededException" {
		return ErrThrottled
	}
	switch code {
	case "AccessDeniedException", "AccessDenied", "NotAuthorized", "OptInRequired":
		return ErrAccessDenied
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidSignatureException",
		"SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
		"ExpiredTokenException", "ExpiredToken", "RequestExpired":
		return ErrBadCredentials
	}
	return nil
}

// unanswered sorts the errors of a call that no service answered with a code.
func unanswered(err error) (detail string, kind error) {
	for _, kind := range []error{context.Canceled, context.DeadlineExceeded, ErrNoRegion, ErrNoCredentials} {
		if errors.Is(err, kind) {
			return "", kind
		}
	}
	var host *net.DNSError
	if errors.As(err, &host) {
		return "look up " + host.Name + ": " + host.Err, ErrUnreachable
	}
	var dial *net.OpError
	if errors.As(err, &dial) {
		return dial.Error(), ErrUnreachable
	}
	for _, reason := range []error{ErrRegion, ErrEndpoint} {
		if errors.Is(err, reason) {
			return reason.Error(), ErrUnreachable
		}
	}
	return fromText(err.Error())
}

// fromText knows what the SDK and net/http have no types for: the texts are those
// of endpoint rules, of the credentials adapter and of http.Transport. They repeat
// the region and the endpoint, which may hold a password.
func fromText(text string) (detail string, kind error) {
	for _, known := range []struct {
		part, detail string
		kind         error
	}{
		{"Missing Region", "", ErrNoRegion},
		{"get credentials:", "", ErrNoCredentials},
		{"invalid input region", ErrRegion.Error(), ErrUnreachable},
		{"Failed to parse uri", ErrEndpoint.Error(), ErrUnreachable},
		{"unsupported protocol scheme", ErrEndpoint.Error(), ErrUnreachable},
		{"no Host in request URL", ErrEndpoint.Error(), ErrUnreachable},
	} {
		if strings.Contains(text, known.part) {
			return known.detail, known.kind
		}
	}
	return "", ErrUnreachable
}
