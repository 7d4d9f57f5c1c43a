package bitbucket

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// CountVariables tells how many Pipelines variables a repository has, or, with the UUID of
// one, its deployment environment. The variables themselves are not read: unsecured ones
// would come with their values.
//
// ErrNotFound: there is no such repository or environment, or the account doesn't see it.
// ErrMissingScope: the token lacks read:pipeline:bitbucket.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pipelines/
func (a Account) CountVariables(ctx context.Context, workspace, repository, environment string) (int, error) {
	path := "/2.0/repositories/" + url.PathEscape(workspace) + "/" + url.PathEscape(repository)
	list := path + "/pipelines_config/variables"
	if environment != "" {
		list = path + "/deployments_config/environments/" + url.PathEscape(environment) + "/variables"
	}
	body, r, err := a.get(ctx, list, "pagelen=1&fields=size")
	if errors.Is(err, ErrNotFound) && environment == "" {
		// A repository that never ran Pipelines may have no such list.
		if _, _, missing := a.get(ctx, path, "fields=slug"); missing == nil {
			return 0, nil
		}
	}
	var page struct {
		Size *int `json:"size"`
	}
	if err == nil {
		err = decode(r, body, &page)
	}
	if err == nil && page.Size == nil {
		err = unknownShape(r, "a list without a size")
	}
	if err != nil {
		return 0, fmt.Errorf("count variables: %w", err)
	}
	return *page.Size, nil
}
