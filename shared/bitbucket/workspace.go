package bitbucket

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/linkersync/linkersync/shared/connect"
)

// Workspace proves that the installation belongs to the workspace: only the secret of an app that is installed there can
// sign the call. Errors are to be read as AccessToken's; an answer about another
// workspace is ErrUnknownShape.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-workspaces/#api-workspaces-workspace-get
func (c *Client) Workspace(ctx context.Context, workspace connect.WorkspaceUUID) error {
	// A UUID of a payload must not become another path, such as "../hook_events".
	want, err := connect.ParseWorkspaceUUID(string(workspace))
	if err != nil {
		return fmt.Errorf("prove workspace: %w: %w", err, ErrInvalid)
	}
	u, err := c.endpoint("/2.0/workspaces/"+url.PathEscape(string(want)), "")
	if err != nil {
		return err
	}
	r := request{method: http.MethodGet, url: u}
	body, err := c.call(ctx, r)
	if err != nil {
		return err
	}
	var answer struct {
		UUID string `json:"uuid"`
	}
	if err := decode(r, body, &answer); err != nil {
		return err
	}
	if got, err := connect.ParseWorkspaceUUID(answer.UUID); err != nil || got != want {
		return unknownShape(r, "the answer is about another workspace")
	}
	return nil
}
