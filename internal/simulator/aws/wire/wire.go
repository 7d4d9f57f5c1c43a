// Package wire holds what AWS's services share on the wire: the JSON protocols,
// their errors, and signature version 4.
//
// It is strict where AWS is lenient. AWS ignores a member that it doesn't know;
// here it is refused, because in a test it is a typo, or a feature of AWS that
// the simulator does not have.
// Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
package wire

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Cloud is the account that the simulated services belong to.
type Cloud struct {
	Account, Region string
	// Now is the services' clock.
	Now func() time.Time
}

// ARN names a resource of a service in this account.
func (c Cloud) ARN(service, resource string) string {
	return "arn:aws:" + service + ":" + c.Region + ":" + c.Account + ":" + resource
}

// Service is one simulated service behind the common endpoint.
type Service interface {
	// SigningName is the service's name in a signature's scope: "secretsmanager".
	SigningName() string
	// Target names the operation of a request, for rules and logs: "s3.GetObject".
	Target(r *http.Request, body []byte) string
	// Handle answers the request, or returns an error before it has written anything.
	Handle(w http.ResponseWriter, r *http.Request, body []byte) error
	// Refuse answers with an error in the service's protocol.
	Refuse(w http.ResponseWriter, r *http.Request, refusal *Error)
	// Denials are the service's words for a signature that isn't right.
	Denials() Denials
}

// Error is an answer by which AWS refuses a request.
type Error struct {
	// Status is the HTTP status; zero means 400.
	Status int
	// Code is the error's type without a namespace: "ResourceNotFoundException".
	Code    string
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Refuse returns an error of status 400, which is what most refusals are.
func Refuse(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Missing says that something exists in AWS and not here, so that a test's author
// isn't led to believe that AWS would refuse it.
func Missing(what, name string) *Error {
	return &Error{
		Status: http.StatusNotImplemented, Code: "NotSimulated",
		Message: fmt.Sprintf("the simulator knows no %s %q; if AWS does, add it there", what, name),
	}
}

type baseURLKey struct{}

// WithBaseURL notes the URL that the request came to, for answers that hold URLs.
func WithBaseURL(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), baseURLKey{}, "http://"+r.Host))
}

// BaseURL returns the URL that the request came to, without a trailing slash.
func BaseURL(ctx context.Context) string {
	url, _ := ctx.Value(baseURLKey{}).(string)
	return url
}
