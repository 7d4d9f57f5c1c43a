package bitbucket

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// uuidPattern keeps text from a payload that isn't proven yet from becoming
// another path, such as "../hook_events".
// Compiled when it is first needed: most processes never do, and a cold start would pay for it.
var uuidPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?$`)
})

// Workspace proves that the installation belongs to the workspace with this uuid,
// with or without braces: only the secret of an app that is installed there can
// sign the call. Errors are to be read as AccessToken's; an answer about another
// workspace is ErrUnknownShape.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-workspaces/#api-workspaces-workspace-get
func (c *Client) Workspace(ctx context.Context, uuid string) error {
	if !uuidPattern().MatchString(uuid) {
		return fmt.Errorf("workspace uuid %q: %w", printable(uuid, nil), ErrInvalid)
	}
	uuid = strings.Trim(uuid, "{}")
	u, err := c.endpoint("/2.0/workspaces/"+url.PathEscape("{"+uuid+"}"), "")
	if err != nil {
		return err
	}
	r := request{method: http.MethodGet, url: u}
	body, err := c.call(ctx, r)
	if err != nil {
		return err
	}
	var workspace struct {
		UUID string `json:"uuid"`
	}
	if err := decode(r, body, &workspace); err != nil {
		return err
	}
	if !strings.EqualFold(strings.Trim(workspace.UUID, "{}"), uuid) {
		return unknownShape(r, "the answer is about another workspace")
	}
	return nil
}
