package bitbucket

import (
	"net/http"
	"slices"
	"strings"
)

// scoped is what an API token may list, and the scope that it needs for that. The path's
// first star is a workspace, the second a repository.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication
func scoped() map[string]string {
	return map[string]string{
		"user/workspaces":               "read:workspace:bitbucket",
		"workspaces/*/projects":         "read:project:bitbucket",
		"workspaces/*/hooks":            "read:webhook:bitbucket",
		"repositories/*":                "read:repository:bitbucket",
		"repositories/*/*/environments": "read:pipeline:bitbucket",
	}
}

// scopedList answers a list for an API token; known is false for any other path.
func (s *Server) scopedList(w http.ResponseWriter, r *http.Request, segments []string) (no *refusal, known bool) {
	pattern := slices.Clone(segments)
	for i := range pattern {
		if i > 0 && (segments[0] == "workspaces" && i == 1 || segments[0] == "repositories" && i < 3) {
			pattern[i] = "*"
		}
	}
	scope, known := scoped()[strings.Join(pattern, "/")]
	if !known {
		return nil, false
	}
	return s.only(http.MethodGet, w, r, func() *refusal {
		user, no := s.withScope(w, r, scope)
		if no == nil && user != nil {
			writeJSON(w, http.StatusOK, map[string]any{"pagelen": 1, "size": 1, "page": 1, "values": user.listed(segments)})
		}
		return no
	}), true
}

// listed are the workspaces or the repositories of the account; other lists are empty.
func (u *User) listed(segments []string) []any {
	values := []any{}
	for _, name := range u.Repositories {
		workspace, repository, _ := strings.Cut(name, "/")
		switch {
		case segments[0] == "user":
			values = append(values, map[string]any{"type": "workspace_access", "workspace": map[string]string{"type": "workspace_base", "slug": workspace}})
		case len(segments) == 2 && segments[1] == workspace && repository != "":
			values = append(values, map[string]any{"type": "repository", "full_name": name, "slug": repository})
		}
	}
	return values
}
