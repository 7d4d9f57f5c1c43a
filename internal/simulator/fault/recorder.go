package fault

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// DefaultKeepCalls is how many calls an injector keeps unless told otherwise:
// enough for a fleet of 10,000 installations, at about 20 MB.
const DefaultKeepCalls = 100_000

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
	in.recorder.epoch++
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

// recorder keeps the last calls in a ring.
type recorder struct {
	keep int

	mu    sync.Mutex
	epoch int
	total int
	kept  []Call
}

// ticket names a recorded call; epoch tells calls from before a ResetCalls apart.
type ticket struct{ epoch, number int }

func (rec *recorder) begin(call Call) ticket {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	number := rec.total
	rec.total++
	if len(rec.kept) < rec.keep {
		rec.kept = append(rec.kept, call)
	} else {
		rec.kept[number%rec.keep] = call
	}
	return ticket{rec.epoch, number}
}

func (rec *recorder) finish(t ticket, status int) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if t.epoch == rec.epoch && t.number >= rec.total-rec.keep {
		rec.kept[t.number%rec.keep].Status = status
	}
}

func (rec *recorder) calls() []Call {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.total <= rec.keep {
		return slices.Clone(rec.kept)
	}
	oldest := rec.total % rec.keep
	return slices.Concat(rec.kept[oldest:], rec.kept[:oldest])
}
