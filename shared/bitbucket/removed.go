package bitbucket

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// removalTexts are how the API speaks of endpoints that are gone: the first is of
// others that were removed, the second of a path it has no route for, and the rest
// is how the removal of the linker endpoints was announced.
// Source: https://developer.atlassian.com/cloud/bitbucket/changelog/#CHANGE-2770
func removalTexts() []string {
	return []string{"change-2770", "no api hosted at this url", "deprecated", "has been removed"}
}

// removed tells a removed endpoint from a linker, a value or a workspace that
// isn't there. The list of linkers can't be missing while its endpoint exists.
func (e *APIError) removed() bool {
	if e.Removed || e.Status == http.StatusGone {
		return true
	}
	return e.Status == http.StatusNotFound && (e.Path == linkersPath || e.speaksOf(removalTexts()...))
}

// Announced tells whether the answer can only be about the endpoint itself. A 404
// without these words may as well be about one workspace, such as a deleted one:
// who would stop calling for everybody should wait for a second one to answer so.
func (e *APIError) Announced() bool {
	return e.Status == http.StatusGone || e.Status == http.StatusNotFound && e.speaksOf(removalTexts()[:2]...)
}

func (e *APIError) speaksOf(texts ...string) bool {
	message := strings.ToLower(e.Message)
	for _, text := range texts {
		if strings.Contains(message, text) {
			return true
		}
	}
	return false
}

// tellApart settles a 404 below a linker whose text says neither that the linker
// or value is missing nor that the endpoint is, by asking for the list of linkers.
// A fan-out over thousands of installations depends on the difference.
func (c *Client) tellApart(ctx context.Context, err error) error {
	var answer *APIError
	if !errors.As(err, &answer) || answer.Status != http.StatusNotFound || answer.removed() || answer.speaksOf("linker") {
		return err
	}
	list, listErr := c.endpoint(linkersPath, "pagelen=1")
	if listErr == nil {
		_, listErr = c.call(ctx, request{method: http.MethodGet, url: list})
	}
	answer.Removed = errors.Is(listErr, ErrEndpointRemoved)
	return err
}
