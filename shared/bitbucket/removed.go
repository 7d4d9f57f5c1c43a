package bitbucket

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// noAPI is how the API speaks of a path that it has no route for.
const noAPI = "no api hosted at this url"

// changePattern finds the announcement that an answer names, such as CHANGE-2770.
// Source: https://developer.atlassian.com/cloud/bitbucket/changelog/#CHANGE-2770
var changePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`change-\d+`) })

// removed tells a removed endpoint from a linker, a value or a workspace that isn't
// there. Incidents and deleted workspaces answer 404, too, so only a 404 that is about
// the address counts.
func (e *APIError) removed() bool {
	message := strings.ToLower(e.Message)
	return e.Status == http.StatusGone || e.Status == http.StatusNotFound && (strings.Contains(message, noAPI) || changePattern().MatchString(message))
}

// AskLinkers asks for the list of linkers without credentials. Its error is an
// *APIError: a 401 or 403 says that the endpoint is there. baseURL is as in [Client].
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/#api-addon-linkers-get
func AskLinkers(ctx context.Context, client *http.Client, baseURL string) error {
	address, err := resolve(baseURL, DefaultBaseURL, LinkersPath, "")
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return err
	}
	_, err = send(client, req, nil)
	return err
}
