package fault

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// maxCalls is how many calls an injector keeps, the last ones: enough for a fleet of
// 10,000 installations, at about 20 MB.
const maxCalls = 100_000

// Call is one request as it was seen on the wire, without bodies and credentials.
type Call struct {
	Method string
	// Path is the escaped path.
	Path string
	// Query is the raw query, with the values of credentials replaced.
	Query string
	// Target is the AWS operation ("secretsmanager.GetSecretValue"), or empty.
	Target string
	// Status is what was answered, or 0 for a call that is under way or was reset.
	Status int
}

// String prints the call on one line, for people and for test failures.
func (c Call) String() string {
	line := c.Method + " " + c.Path
	if c.Query != "" {
		line += "?" + c.Query
	}
	if c.Target != "" {
		line += " " + c.Target
	}
	return fmt.Sprintf("%s %d", line, c.Status)
}

// Calls returns the kept calls in order of arrival.
func (in *Injector) Calls() []Call { return in.recorder.calls() }

// Count returns how many of the kept calls match.
func (in *Injector) Count(match Match) int { return in.CountFunc(match.matches) }

// CountFunc returns how many of the kept calls keep says yes to.
func (in *Injector) CountFunc(keep func(Call) bool) int {
	count := 0
	for _, call := range in.recorder.calls() {
		if keep(call) {
			count++
		}
	}
	return count
}

// Total returns how many calls arrived since the last ResetCalls, kept or not.
// Total above len(Calls()) means that the log was too small for the test.
func (in *Injector) Total() int {
	in.recorder.mu.Lock()
	defer in.recorder.mu.Unlock()
	return in.recorder.total
}

// ResetCalls forgets the calls so far, so that a test counts only its second half.
func (in *Injector) ResetCalls() {
	in.recorder.mu.Lock()
	defer in.recorder.mu.Unlock()
	in.recorder.total, in.recorder.kept = 0, nil
}

type targetKey struct{}

// WithTarget names the operation of a request that doesn't carry X-Amz-Target
// (S3, STS), so that rules and counts can use it.
func WithTarget(r *http.Request, target string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), targetKey{}, target))
}

func newCall(r *http.Request) Call {
	target, ok := r.Context().Value(targetKey{}).(string)
	if !ok {
		target = r.Header.Get("X-Amz-Target")
	}
	return Call{Method: r.Method, Path: r.URL.EscapedPath(), Query: withoutCredentials(r.URL.RawQuery), Target: target}
}

// withoutCredentials replaces the values of the query parameters that carry a
// token or signature: Connect's jwt, OAuth's access_token, AWS's presigned URLs.
func withoutCredentials(rawQuery string) string {
	if rawQuery == "" {
		return ""
	}
	pairs := strings.Split(rawQuery, "&")
	for i, pair := range pairs {
		name, _, found := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if found && isCredential(strings.ToLower(plain)) {
			pairs[i] = name + "=[redacted]"
		}
	}
	return strings.Join(pairs, "&")
}

func isCredential(parameter string) bool {
	switch parameter {
	case "jwt", "access_token", "x-amz-signature", "x-amz-credential", "x-amz-security-token":
		return true
	}
	return false
}

// recorder keeps the last calls.
type recorder struct {
	mu    sync.Mutex
	total int
	kept  []*Call
}

func (rec *recorder) begin(call Call) *Call {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.total++
	if len(rec.kept) == maxCalls {
		rec.kept = rec.kept[1:]
	}
	rec.kept = append(rec.kept, &call)
	return &call
}

func (rec *recorder) finish(call *Call, status int) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	call.Status = status
}

func (rec *recorder) calls() []Call {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	calls := make([]Call, len(rec.kept))
	for i, call := range rec.kept {
		calls[i] = *call
	}
	return calls
}
