package bitbucket

import (
	"encoding/json"
	"net/http"

	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// refusal is an answer other than success, in the API's error envelope. The
// detail is a string, but for a lack of scopes an object.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#standardized-error-responses
type refusal struct {
	status  int
	message string
	detail  any
}

func (no *refusal) write(w http.ResponseWriter) {
	content := map[string]any{"message": no.message}
	if no.detail != nil && no.detail != "" {
		content["detail"] = no.detail
	}
	writeJSON(w, no.status, map[string]any{"type": "error", "error": content})
}

func notFound(message string) *refusal {
	return &refusal{status: http.StatusNotFound, message: message}
}

func invalid(detail string) *refusal {
	return &refusal{status: http.StatusBadRequest, message: "Invalid input.", detail: detail}
}

// unknownURL is how the API answers a path that it has no route for.
func unknownURL() *refusal {
	return &refusal{
		status: http.StatusNotFound, message: "Resource not found",
		detail: "There is no API hosted at this URL.",
	}
}

// gone is how another endpoint of the API has answered since it was removed.
func gone(status int) *refusal {
	return &refusal{
		status: status, message: "CHANGE-2770 - Functionality has been deprecated",
		detail: "Please read the changelog entry for more details.",
	}
}

const textRateLimited = "Rate limit for this resource has been exceeded"

// RateLimited is the effect for a rule that limits calls before their budget is
// used up, in the form that the live service was seen to use: plain text, without
// Retry-After and without any header that tells the limit.
func RateLimited() fault.Effect {
	return fault.Respond(http.StatusTooManyRequests, http.Header{"Content-Type": {"text/plain"}}, textRateLimited)
}

func writeRateLimited(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write([]byte(textRateLimited)) // a client that left doesn't matter
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // the server's own types always encode
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // as above
}
