package bitbucket

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Errors that callers branch on, with errors.Is. People read the texts, so they say
// what to do.
var (
	// ErrInvalid is a 400, or input that was refused before any call.
	ErrInvalid = errors.New("input isn't valid")
	// ErrUnauthorized is a 401.
	ErrUnauthorized = errors.New("the credentials are not accepted: check them, and that this machine's clock is right")
	// ErrForbidden is any 403.
	ErrForbidden = errors.New("the credentials don't permit this")
	// ErrWrongAuthType is the 403 for anything but a Connect app's JWT. It is an ErrForbidden, too.
	ErrWrongAuthType = errors.New("this endpoint takes only the JWT of an installed Connect app")
	// ErrMissingScope is the 403 for a token without a scope that is needed. It is an ErrForbidden, too.
	ErrMissingScope = errors.New("the token lacks a scope: create one that has it")
	// ErrNotFound is a 404 for a linker, a value or a workspace, never for the endpoint.
	ErrNotFound = errors.New("not found")
	// ErrNoLinker is the 404 whose text is about a linker or its value. It is an ErrNotFound, too.
	ErrNoLinker = errors.New("the installation's descriptor has no such linker, or the linker no such value")
	// ErrExists is a 409: the linker already has the value.
	ErrExists = errors.New("exists already")
	// ErrEndpointRemoved is a 410, or a 404 that is about the address itself. One such
	// answer proves nothing: see package removal.
	ErrEndpointRemoved = errors.New("the endpoint is not offered by Bitbucket at this moment: it was removed, or this is a brownout")
	// ErrRateLimited is a 429. It is an ErrUnavailable, too.
	ErrRateLimited = errors.New("the rate limit, which counts over a rolling hour, is used up: try again later")
	// ErrTimeout is a 504, Bitbucket's own 555, or no answer in time. It is an ErrUnavailable, too.
	ErrTimeout = errors.New("it took Bitbucket too long")
	// ErrServer is any 5xx. It is an ErrUnavailable, too.
	ErrServer = errors.New("the fault is on Bitbucket's side: try again later")
	// ErrUnavailable says that Bitbucket gave no verdict: no connection, time-out, 429 or 5xx.
	ErrUnavailable = errors.New("can't ask Bitbucket now")
	// ErrNotJSON says that the body isn't JSON, as of a 429 or of a proxy's page.
	ErrNotJSON = errors.New("the answer isn't JSON")
	// ErrUnknownShape says that the body is JSON that we can't make sense of.
	ErrUnknownShape = errors.New("the answer has a shape that isn't known; please report it")
	// ErrIncomplete says that a list ended before it had as many items as it said.
	ErrIncomplete = errors.New("the list is incomplete, reading it again may help")
	// ErrForeignPage says that a list goes on at another host, which gets no signature.
	ErrForeignPage = errors.New("a list must go on where it began")
)

// statusTimeout is Bitbucket's own status for a request that took too long.
// Source: https://api.bitbucket.org/swagger.json, where six operations list it.
const statusTimeout = 555

// APIError is an answer of Bitbucket other than a success. Ask it with errors.Is.
type APIError struct {
	Method string
	// Path is as it was sent, without the query.
	Path   string
	Status int
	// Code is the OAuth endpoint's error code; the REST API has none.
	Code string
	// Message is Bitbucket's text on one line, shortened, without credentials.
	Message string
	// RequestID is for Atlassian's support.
	RequestID string
	// RetryAfter is how long Bitbucket asked to wait; it usually doesn't say.
	RetryAfter time.Duration
	// NotJSON says that the body was something else.
	NotJSON bool
}

// Error names the call, the status, Bitbucket's words and what they mean.
func (e *APIError) Error() string {
	parts := []string{e.Method + " " + e.Path, strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)))}
	if e.Code != "" {
		parts = append(parts, e.Code)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if kinds := e.kinds(); len(kinds) > 0 {
		parts = append(parts, kinds[0].Error())
	}
	text := strings.Join(parts, ": ")
	if e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	return text
}

// Is tells whether target is one of the sentinels that describe the error.
func (e *APIError) Is(target error) bool { return slices.Contains(e.kinds(), target) }

// kinds has the most telling sentinel first.
func (e *APIError) kinds() []error {
	kinds := e.kindsOfStatus()
	if e.NotJSON {
		kinds = append(kinds, ErrNotJSON)
	}
	return kinds
}

func (e *APIError) kindsOfStatus() []error {
	switch {
	case e.removed():
		return []error{ErrEndpointRemoved}
	case e.Status == http.StatusBadRequest:
		return []error{ErrInvalid}
	case e.Status == http.StatusUnauthorized:
		return []error{ErrUnauthorized}
	case e.Status == http.StatusForbidden:
		return e.kindsOfForbidden()
	case e.Status == http.StatusNotFound && strings.Contains(strings.ToLower(e.Message), "linker"):
		return []error{ErrNotFound, ErrNoLinker}
	case e.Status == http.StatusNotFound:
		return []error{ErrNotFound}
	case e.Status == http.StatusConflict:
		return []error{ErrExists}
	case e.Status == http.StatusTooManyRequests:
		return []error{ErrRateLimited, ErrUnavailable}
	case e.Status == http.StatusGatewayTimeout, e.Status == statusTimeout:
		return []error{ErrTimeout, ErrServer, ErrUnavailable}
	case e.Status >= http.StatusInternalServerError:
		return []error{ErrServer, ErrUnavailable}
	default:
		return nil
	}
}

// The API's specification promises a 401 for the wrong kind of credentials; the
// service was seen to answer 403 with this text, and with the other for scopes.
func (e *APIError) kindsOfForbidden() []error {
	message := strings.ToLower(e.Message)
	switch {
	case strings.Contains(message, "authentication types"):
		return []error{ErrWrongAuthType, ErrForbidden}
	case strings.Contains(message, "privilege scopes"):
		return []error{ErrMissingScope, ErrForbidden}
	default:
		return []error{ErrForbidden}
	}
}
