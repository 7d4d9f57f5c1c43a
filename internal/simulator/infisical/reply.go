package infisical

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// refusal is an answer in the server's error envelope.
// Source: https://infisical.com/docs/api-reference/overview/introduction
type refusal struct {
	status int
	// name goes under "error".
	name string
	// message is a text, or a list of issues for a 422.
	message any
	details any
}

func (no *refusal) write(w http.ResponseWriter) {
	body := map[string]any{
		"reqId": "req-" + rand.Text()[:14], "statusCode": no.status, "message": no.message, "error": no.name,
	}
	if no.details != nil {
		body["details"] = no.details
	}
	writeJSON(w, no.status, body)
}

func badRequest(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, name: "BadRequest", message: fmt.Sprintf(format, args...)}
}

func unauthorized(format string, args ...any) *refusal {
	return &refusal{status: http.StatusUnauthorized, name: "UnauthorizedError", message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) *refusal {
	return &refusal{status: http.StatusNotFound, name: "NotFound", message: fmt.Sprintf(format, args...)}
}

// forbidden is a refusal by rule rather than for lack of a permission.
func forbidden(message string) *refusal {
	return &refusal{status: http.StatusForbidden, name: "ForbiddenError", message: message}
}

// tokenError is how a token that is no good is refused: with 403, not 401.
func tokenError(message string) *refusal {
	return &refusal{status: http.StatusForbidden, name: "TokenError", message: message}
}

// denied names the missing permission. Details are the rules that speak of the
// action, so there are none.
func denied(action Action) *refusal {
	subject, verb, other := strings.Cut(string(action), ":")
	if !other {
		subject, verb = "app-connections", subject
	}
	return &refusal{
		status: http.StatusForbidden, name: "PermissionDenied",
		message: fmt.Sprintf("You are not allowed to %s on %s", verb, subject), details: []any{},
	}
}

// internal is the answer to everything that the server has no better one for:
// malformed JSON, an upstream that refused.
func internal() *refusal {
	return &refusal{status: http.StatusInternalServerError, name: "InternalServerError", message: "Something went wrong"}
}

func invalid(issues []issue) *refusal {
	return &refusal{status: http.StatusUnprocessableEntity, name: "ValidationFailure", message: issues}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	var encoded strings.Builder
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false) // as JSON.stringify does
	if err := encoder.Encode(body); err != nil {
		panic(err) // the server's own types always encode
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(strings.TrimSuffix(encoded.String(), "\n"))) // a client that left doesn't matter
}

// newUUID returns a random version 4 UUID.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it aborts the program instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
