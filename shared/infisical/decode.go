package infisical

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/transport"
)

const (
	maxMessage = 600 // characters of a message
	maxIssue   = 200 // characters of an issue's message
	maxShort   = 100 // characters of a code, a request ID, a field's path
	maxIssues  = 20  // of one answer
)

// received is an answer and what is needed to make an error of it.
type received struct {
	method string
	path   string
	login  bool
	status int
	header http.Header
	body   []byte
	now    time.Time
	scrub  scrubber
}

// envelope is Infisical's error body. Message is a text or a list of issues.
type envelope struct {
	Error   json.RawMessage `json:"error"`
	Message json.RawMessage `json:"message"`
	ReqID   json.RawMessage `json:"reqId"`
}

// failure makes the error of an answer that isn't a success. A body that isn't
// JSON, or is another service's, keeps its status and loses its text.
func (r received) failure() *APIError {
	failed := r.newError()
	var body envelope
	var code, message string
	enveloped := false
	if json.Unmarshal(r.body, &body) == nil {
		code, message = text(body.Error), text(body.Message)
		failed.Code = r.scrub.clean(code, maxShort)
		failed.Message = r.scrub.clean(message, maxMessage)
		failed.Issues = r.issues(body.Message)
		failed.RequestID = r.scrub.clean(text(body.ReqID), maxShort)
		enveloped = message != "" || len(failed.Issues) > 0
	}
	found := judge(r.status, code, message, enveloped, r.login)
	failed.kinds, failed.advice = found.kinds, found.advice
	return failed
}

// unexpected makes the error of a success without the expected content.
func (r received) unexpected() *APIError {
	failed := r.newError()
	failed.Message = "the body isn't what was asked for"
	failed.kinds, failed.advice = []error{ErrUnexpectedAnswer}, adviceElsewise
	return failed
}

func (r received) newError() *APIError {
	failed := &APIError{Method: r.method, Path: r.path, Status: r.status}
	if r.status == http.StatusTooManyRequests {
		failed.RetryAfter = retryAfter(r.header, r.now)
	}
	return failed
}

// retryAfter reads the limiter's headers: retry-after, or else x-ratelimit-reset,
// which unlike elsewhere is a number of seconds from now.
func retryAfter(header http.Header, now time.Time) time.Duration {
	if wait, ok := transport.RetryAfter(header, now); ok {
		return wait
	}
	reset := http.Header{"Retry-After": {header.Get("X-Ratelimit-Reset")}}
	wait, _ := transport.RetryAfter(reset, now)
	return wait
}

// text returns a JSON string's value, and "" for anything else.
func text(raw json.RawMessage) string {
	var value string
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	return value
}

// zodIssue is an issue as Infisical's validator writes it. That of a union holds
// what each alternative had against the value.
// Source: https://zod.dev/error-handling?id=zodissue (version 3)
type zodIssue struct {
	Path        []json.RawMessage `json:"path"`
	Message     json.RawMessage   `json:"message"`
	UnionErrors []struct {
		Issues []zodIssue `json:"issues"`
	} `json:"unionErrors"`
}

func (r received) issues(raw json.RawMessage) []Issue {
	var all []zodIssue
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	var flat []Issue
	r.flatten(&flat, all)
	return flat
}

// flatten lists the innermost issues, without repetition.
func (r received) flatten(flat *[]Issue, issues []zodIssue) {
	for _, issue := range issues {
		if len(issue.UnionErrors) > 0 {
			for _, alternative := range issue.UnionErrors {
				r.flatten(flat, alternative.Issues)
			}
			continue
		}
		found := Issue{Path: r.scrub.clean(joinPath(issue.Path), maxShort), Message: r.scrub.clean(text(issue.Message), maxIssue)}
		if found.Message == "" {
			found.Message = "is invalid"
		}
		if len(*flat) < maxIssues && !contains(*flat, found) {
			*flat = append(*flat, found)
		}
	}
}

func contains(issues []Issue, wanted Issue) bool {
	for _, issue := range issues {
		if issue == wanted {
			return true
		}
	}
	return false
}

// joinPath writes a path of keys and indexes as in credentials.email or tags[0].
func joinPath(elements []json.RawMessage) string {
	var path strings.Builder
	for _, element := range elements {
		if index, err := strconv.Atoi(string(element)); err == nil {
			path.WriteString("[" + strconv.Itoa(index) + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(text(element))
	}
	return path.String()
}
