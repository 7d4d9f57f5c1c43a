// Package answer turns what a handler returns into an HTTP answer. It is the only
// place in the tree that writes status codes, so that which answer belongs to
// which situation can be read, and reviewed, in one table.
//
// An answer never repeats anything of the request, and the text for a status is
// constant: whoever probes the app learns nothing from it.
package answer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
)

// Errors that only the HTTP edge has.
var (
	// ErrNoRoute: nothing is served at this path.
	ErrNoRoute = errors.New("no such path")
	// ErrWantPOST: the path is served, with POST only.
	ErrWantPOST = errors.New("method not allowed, POST is")
	// ErrWantGET: the path is served, with GET only.
	ErrWantGET = errors.New("method not allowed, GET is")
	// ErrTooLarge: the body is over the limit.
	ErrTooLarge = errors.New("body too large")
	// ErrMediaType: the body is not plain JSON.
	ErrMediaType = errors.New("content type must be application/json, without an encoding")
	// ErrNotAllowed: the workspace is not on this deployment's list.
	ErrNotAllowed = errors.New("this deployment does not serve the workspace")
	// ErrTryLater: something that is needed can't be asked now.
	ErrTryLater = errors.New("try again later")
	// ErrTooMany: requests that prove nothing have used up their budget.
	ErrTooMany = errors.New("too many requests without proof")
)

// table is the response contract. The first match counts. Each status is chosen by
// what a redelivery would do: 4xx where it would end the same, 503 where it may
// succeed.
var table = []struct {
	is     error
	status int
	text   string
}{
	{connect.ErrUnauthenticated, http.StatusUnauthorized, "request is not authenticated"},
	{ErrNotAllowed, http.StatusForbidden, "this deployment does not serve the workspace"},
	{connect.ErrNoSharedSecret, http.StatusBadRequest, "the payload has no sharedSecret, as for a personal account; install the app in a workspace"},
	{connect.ErrInvalidPayload, http.StatusBadRequest, "the payload is not a lifecycle event of this app"},
	{ErrNoRoute, http.StatusNotFound, "not found"},
	{ErrWantPOST, http.StatusMethodNotAllowed, "method not allowed"},
	{ErrWantGET, http.StatusMethodNotAllowed, "method not allowed"},
	{ErrTooLarge, http.StatusRequestEntityTooLarge, "the body is too large"},
	{ErrMediaType, http.StatusUnsupportedMediaType, "send application/json without an encoding"},
	// At WARN, and no 5xx: no stranger can raise an alarm.
	{ErrTooMany, http.StatusTooManyRequests, "too many requests, try again later"},
	{installation.ErrTooManyUnknown, http.StatusTooManyRequests, "too many requests, try again later"},
	// Only an operator can bring it back, or time can end it.
	{installation.ErrPendingDeletion, http.StatusConflict, "the installation was purged and can't be used until its recovery window has passed"},
	// A lost race that did not settle: the redelivery finds it settled.
	{installation.ErrConflict, http.StatusServiceUnavailable, "busy, try again"},
	{installation.ErrUnavailable, http.StatusServiceUnavailable, "temporarily unavailable, try again"},
	{ErrTryLater, http.StatusServiceUnavailable, "temporarily unavailable, try again"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "temporarily unavailable, try again"},
}

// Done answers that the event was taken, or needed nothing.
func Done() events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusNoContent}
}

// JSON answers with a document that anybody may read.
func JSON(body []byte) events.APIGatewayV2HTTPResponse {
	return respond(http.StatusOK, "application/json", string(body))
}

// Failed answers for an error and logs it, once. The log has the cause; secrets
// and payloads are in no error to begin with.
func Failed(ctx context.Context, log *slog.Logger, err error) events.APIGatewayV2HTTPResponse {
	status, text := http.StatusInternalServerError, "internal error"
	for _, row := range table {
		if errors.Is(err, row.is) {
			status, text = row.status, row.text
			break
		}
	}
	level := slog.LevelWarn
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attributes := []slog.Attr{slog.Int("status", status), slog.String("error", err.Error())}
	// Its text is constant for outsiders; the reason is in its log value.
	if refused, ok := errors.AsType[*connect.AuthError](err); ok {
		attributes = append(attributes, slog.Any("refused", refused))
	}
	log.LogAttrs(ctx, level, "request refused or failed", attributes...)
	response := respond(status, "text/plain; charset=utf-8", text+"\n")
	// RFC 9110 15.5.6: a 405 names what is allowed.
	switch {
	case status != http.StatusMethodNotAllowed:
	case errors.Is(err, ErrWantPOST):
		response.Headers["allow"] = http.MethodPost
	default:
		response.Headers["allow"] = http.MethodGet
	}
	return response
}

func respond(status int, contentType, body string) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status,
		Headers: map[string]string{
			"content-type":           contentType,
			"cache-control":          "no-store",
			"x-content-type-options": "nosniff",
		},
		Body: body,
	}
}
