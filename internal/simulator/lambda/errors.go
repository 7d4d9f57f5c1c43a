package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
)

// What Lambda says instead of running a function.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
var (
	// ErrThrottled: every execution of the reserved concurrency is busy (429).
	ErrThrottled = errors.New("function is throttled: TooManyRequestsException")
	// ErrPayload: the payload is not JSON (400), or larger than [MaxPayload] (413).
	ErrPayload = errors.New("payload is not JSON or too large")
	// ErrStopped: the function was stopped before or while it ran.
	ErrStopped = errors.New("function is stopped")
)

// The types of errors that Lambda itself reports. Others come from the function.
const (
	TypeTimeout     = "Sandbox.Timedout"
	TypeExit        = "Runtime.ExitError"
	TypeLaunch      = "Runtime.InvalidEntrypoint"
	TypeUnknown     = "Runtime.Unknown"
	TypeTooLarge    = "Function.ResponseSizeTooLarge"
	TypeNotAnswered = "Runtime.NoResponse"
)

// FunctionError is an invocation that the function, or its end, made fail. AWS
// answers it with status 200, the header X-Amz-Function-Error and Payload.
type FunctionError struct {
	Function  string
	RequestID string
	// Type is one of the constants, or what the function reports.
	Type    string
	Message string
	// Payload is the error as AWS returns it: a JSON object with errorType,
	// errorMessage and what else the function reports.
	Payload []byte
}

// Error implements error.
func (e *FunctionError) Error() string {
	return fmt.Sprintf("function %s failed: %s: %s", e.Function, e.Type, e.Message)
}

// report is the body of an error in the runtime API.
type report struct {
	ErrorMessage string `json:"errorMessage"`
	ErrorType    string `json:"errorType"`
}

// failure is an error that Lambda reports itself; detail follows the request's id,
// as in "RequestId: 1b… Error: Runtime exited with error: exit status 1".
func failure(function, requestID, kind, detail string) *FunctionError {
	message := "RequestId: " + requestID + " Error: " + detail
	// Two strings always encode.
	payload, _ := json.Marshal(report{ErrorMessage: message, ErrorType: kind})
	return &FunctionError{Function: function, RequestID: requestID, Type: kind, Message: message, Payload: payload}
}

// reported is an error that the function posted. What isn't JSON is passed on as
// AWS does, with the type from the header.
func reported(function, requestID, header string, body []byte) *FunctionError {
	result := &FunctionError{Function: function, RequestID: requestID, Type: header, Payload: body}
	var content report
	if json.Unmarshal(body, &content) == nil {
		result.Message = content.ErrorMessage
		if content.ErrorType != "" {
			result.Type = content.ErrorType
		}
	}
	if result.Type == "" {
		result.Type = TypeUnknown
	}
	return result
}
