package removal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

// Verdict is what a probe says about the linker endpoints.
type Verdict int

// The verdicts.
const (
	// Unknown: no answer, or one that says neither, such as a 429 or a 503.
	Unknown Verdict = iota
	// Present: Bitbucket asks for credentials, so the endpoint is there.
	Present
	// Gone: Bitbucket has no such endpoint at this moment.
	Gone
)

// probeTime bounds a probe.
const probeTime = 10 * time.Second

// Probe asks Bitbucket for the list of linkers without any credentials. The endpoint
// answers 401 or 403 while it exists, and 404 or 410 to everybody when it doesn't. The
// answer is a short text for people. baseURL is the API's address, for which
// [bitbucket.DefaultBaseURL] is the only one outside a simulator.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-get
func Probe(ctx context.Context, client *http.Client, baseURL string) (Verdict, string) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := bitbucket.AskLinkers(ctx, client, baseURL)
	answer, answered := errors.AsType[*bitbucket.APIError](err)
	switch {
	case err == nil:
		return Present, "GET " + bitbucket.LinkersPath + " answers 200"
	case !answered:
		return Unknown, err.Error()
	}
	text := fmt.Sprintf("GET %s answers %d", bitbucket.LinkersPath, answer.Status)
	if answer.Message != "" {
		text += " " + answer.Message
	}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return Present, text
	case http.StatusNotFound, http.StatusGone:
		return Gone, text
	}
	return Unknown, text
}
