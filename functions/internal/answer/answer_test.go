package answer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
)

// failed answers err and returns the answer with what was logged.
func failed(t *testing.T, err error) (events.APIGatewayV2HTTPResponse, map[string]any) {
	t.Helper()
	var out bytes.Buffer
	response := Failed(t.Context(), slog.New(slog.NewJSONHandler(&out, nil)), err)
	if lines := strings.Count(out.String(), "\n"); lines != 1 {
		t.Errorf("logged %d lines, want 1:\n%s", lines, &out)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return response, line
}

// TestFailed has every row of the table, and what is in none.
func TestFailed(t *testing.T) {
	t.Parallel()
	const later = "temporarily unavailable, try again"
	tests := []struct {
		name   string
		err    error
		status int
		text   string
		level  string
		allow  string
	}{
		{"unauthenticated", connect.ErrUnauthenticated, 401, "request is not authenticated", "WARN", ""},
		{"refused token", &connect.AuthError{Reason: connect.ReasonExpired}, 401, "request is not authenticated", "WARN", ""},
		{"workspace not allowed", ErrNotAllowed, 403, "this deployment does not serve the workspace", "WARN", ""},
		{"no shared secret", connect.ErrNoSharedSecret, 400, "the payload has no sharedSecret, as for a personal account; install the app in a workspace", "WARN", ""},
		{"invalid payload", connect.ErrInvalidPayload, 400, "the payload is not a lifecycle event of this app", "WARN", ""},
		{"no route", ErrNoRoute, 404, "not found", "WARN", ""},
		{"POST wanted", ErrWantPOST, 405, "method not allowed", "WARN", "POST"},
		{"GET wanted", ErrWantGET, 405, "method not allowed", "WARN", "GET"},
		{"too many unsigned installs", ErrTooMany, 429, "too many requests, try again later", "WARN", ""},
		{"too many unknown client keys", fmt.Errorf("%w: %w", ErrTryLater, installation.ErrTooManyUnknown), 429, "too many requests, try again later", "WARN", ""},
		{"purged", installation.ErrPendingDeletion, 409, "the installation was purged and can't be used until its recovery window has passed", "WARN", ""},
		{"too large", ErrTooLarge, 413, "the body is too large", "WARN", ""},
		{"not JSON", ErrMediaType, 415, "send application/json without an encoding", "WARN", ""},
		{"conflict", installation.ErrConflict, 503, "busy, try again", "ERROR", ""},
		{"store unavailable", installation.ErrUnavailable, 503, later, "ERROR", ""},
		{"try later", ErrTryLater, 503, later, "ERROR", ""},
		{"deadline", context.DeadlineExceeded, 503, later, "ERROR", ""},
		{"anything else", errors.New("a defect"), 500, "internal error", "ERROR", ""},
		{"lost client", context.Canceled, 500, "internal error", "ERROR", ""},
		// A refusal is a refusal, whatever else went wrong on the way.
		{"refused for lack of an answer", fmt.Errorf("%w: %w", connect.ErrUnauthenticated, context.DeadlineExceeded), 401, "request is not authenticated", "WARN", ""},
	}
	covered := map[error]bool{}
	for _, test := range tests {
		for _, row := range table {
			covered[row.is] = covered[row.is] || errors.Is(test.err, row.is)
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			headers := map[string]string{"content-type": "text/plain; charset=utf-8", "cache-control": "no-store", "x-content-type-options": "nosniff"}
			if test.allow != "" {
				headers["allow"] = test.allow
			}
			want := events.APIGatewayV2HTTPResponse{StatusCode: test.status, Headers: headers, Body: test.text + "\n"}
			for _, err := range []error{test.err, fmt.Errorf("take installed event: %w", test.err)} {
				response, line := failed(t, err)
				if diff := cmp.Diff(want, response); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if line["status"] != float64(test.status) || line["level"] != test.level || line["error"] != err.Error() {
					t.Errorf("logged %v", line)
				}
			}
		})
	}
	for _, row := range table {
		if !covered[row.is] {
			t.Errorf("no test for %v", row.is)
		}
	}
}

// TestReason: why a token was refused is for the log alone.
func TestReason(t *testing.T) {
	t.Parallel()
	refused := &connect.AuthError{Reason: connect.ReasonWrongHash, IssuerHash: "0123456789ab"}
	response, line := failed(t, fmt.Errorf("verify: %w", refused))
	want := map[string]any{"reason": "wrong_query_string_hash", "issuer_hash": "0123456789ab"}
	if diff := cmp.Diff(want, line["refused"]); diff != "" {
		t.Errorf("logged (-want +got):\n%s", diff)
	}
	if strings.Contains(fmt.Sprint(response), "hash") {
		t.Errorf("the answer tells the reason: %+v", response)
	}
	if _, other := failed(t, connect.ErrUnauthenticated); other["refused"] != nil {
		t.Errorf("logged a reason that there is not: %v", other)
	}
}

func TestDone(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(events.APIGatewayV2HTTPResponse{StatusCode: 204}, Done()); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	want := events.APIGatewayV2HTTPResponse{
		StatusCode: 200, Body: `{"key":"x"}`,
		Headers: map[string]string{"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff"},
	}
	if diff := cmp.Diff(want, JSON([]byte(`{"key":"x"}`))); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}
