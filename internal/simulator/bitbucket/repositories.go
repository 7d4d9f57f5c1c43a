package bitbucket

import (
	"net/http"
	"strings"
)

// Repository is what Pipelines keep for one repository, as far as it can be counted.
type Repository struct {
	// Workspace and Slug are its address.
	Workspace, Slug string
	// Variables is how many variables the repository has, and Environments how many each
	// deployment environment has, by its UUID.
	Variables    int
	Environments map[string]int
}

// getRepository answers for a repository and its lists of variables, without a variable:
// the callers only count.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pipelines/
func (s *Server) getRepository(w http.ResponseWriter, r *http.Request, segments []string) *refusal {
	scope := "read:pipeline:bitbucket"
	if len(segments) == 2 {
		scope = "read:repository:bitbucket"
	}
	if user, no := s.withScope(w, r, scope); no != nil || user == nil {
		return no
	}
	return s.countVariables(w, segments)
}

func (s *Server) countVariables(w http.ResponseWriter, segments []string) *refusal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	repository := s.repositories[segments[0]+"/"+segments[1]]
	if repository == nil {
		return notFound("Repository " + segments[0] + "/" + segments[1] + " not found")
	}
	count, known := 0, false
	switch below := strings.Join(segments[2:], "/"); {
	case below == "":
		writeJSON(w, http.StatusOK, map[string]any{"type": "repository", "slug": repository.Slug})
		return nil
	case below == "pipelines_config/variables":
		count, known = repository.Variables, true
	case len(segments) == 6 && segments[2] == "deployments_config" && segments[3] == "environments" && segments[5] == "variables":
		count, known = repository.Environments[segments[4]]
	default:
		return unknownURL()
	}
	if !known {
		return notFound("Environment not found")
	}
	writeJSON(w, http.StatusOK, map[string]any{"size": count, "page": 1, "pagelen": 1, "values": []any{}})
	return nil
}
