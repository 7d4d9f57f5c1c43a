package infisical

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// syncEndpoint finds the endpoint below /api/v1/secret-syncs.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-syncs/bitbucket/list
func (s *Server) syncEndpoint(x *exchange, rest []string) *endpoint {
	shape := strings.Join(append([]string{x.r.Method}, rest...), " ")
	handle := map[string]func(*exchange) (any, *refusal){
		"GET": s.listSyncs, "GET options": s.listSyncOptions, "GET bitbucket": s.listSyncs,
		"POST bitbucket": s.createSync, "POST bitbucket check-destination": s.checkDestination,
	}[shape]
	switch {
	case handle != nil || len(rest) < 2 || rest[0] != bitbucketApp:
	case len(rest) == 3 && rest[1] == "sync-name" && x.r.Method == http.MethodGet:
		x.id = rest[2]
		handle = s.getSyncByName
	case len(rest) == 3 && x.r.Method == http.MethodPost:
		x.id = rest[1]
		handle = map[string]func(*exchange) (any, *refusal){
			"sync-secrets": s.syncSecrets, "remove-secrets": s.removeSecrets, "import-secrets": s.importSecrets,
		}[rest[2]]
	case len(rest) == 2:
		x.id = rest[1]
		handle = map[string]func(*exchange) (any, *refusal){
			http.MethodGet: s.getSync, http.MethodPatch: s.updateSync, http.MethodDelete: s.deleteSync,
		}[x.r.Method]
	}
	if handle == nil {
		return nil
	}
	return &endpoint{handle: func(x *exchange) (any, *refusal) {
		s.finishRuns(x.r.Context())
		s.mu.Lock()
		defer s.mu.Unlock()
		return handle(x)
	}}
}

func (s *Server) listSyncOptions(*exchange) (any, *refusal) {
	return map[string]any{"secretSyncOptions": []any{map[string]any{
		"name": "Bitbucket", "destination": bitbucketApp, "connection": bitbucketApp, "canImportSecrets": false,
	}}}, nil
}

// manager returns the project of a query for an operation on secrets.
func (s *Server) manager(x *exchange, projectType string) (string, *refusal) {
	projectID, no := projectQuery(x.r)
	if no != nil {
		return "", no
	}
	if projectID == "" {
		return "", invalid([]issue{wrongType("string", absent{}, []string{"projectId"})})
	}
	return projectID, s.inProject(x, projectID, projectType)
}

// inProject checks that the caller is a member of a project of the right type.
func (s *Server) inProject(x *exchange, projectID, projectType string) *refusal {
	project := s.projects[projectID]
	if project == nil || project.OrgID != x.actor.orgID {
		return notFound("Project with ID '%s' not found", projectID)
	}
	if _, member := x.actor.identity.Projects[projectID]; !member {
		return &refusal{status: http.StatusForbidden, name: "ForbiddenError", message: "Identity is not a member of the project"}
	}
	if project.Type != projectType {
		return badRequest("The project is of type %s. Operations of type %s are not allowed.", project.Type, projectType)
	}
	return nil
}

func (s *Server) listSyncs(x *exchange) (any, *refusal) {
	projectID, no := s.manager(x, "secret-manager")
	if no != nil {
		return nil, no
	}
	if no := x.actor.may(SyncRead, projectID); no != nil {
		return nil, no
	}
	items := []any{}
	for _, y := range sorted(s.syncs, func(y Sync) string { return y.ID }) {
		if y.ProjectID == projectID {
			items = append(items, s.renderSync(&y))
		}
	}
	return map[string]any{"secretSyncs": items}, nil
}

func (s *Server) getSync(x *exchange) (any, *refusal) {
	y, no := s.permittedSync(x, SyncRead)
	if no != nil {
		return nil, no
	}
	return s.syncAnswer(y), nil
}

func (s *Server) getSyncByName(x *exchange) (any, *refusal) {
	projectID, no := s.manager(x, "secret-manager")
	if no != nil {
		return nil, no
	}
	for _, y := range s.syncs {
		if y.ProjectID == projectID && y.Name == x.id {
			if no := x.actor.may(SyncRead, projectID); no != nil {
				return nil, no
			}
			return s.syncAnswer(y), nil
		}
	}
	return nil, notFound(`Could not find Bitbucket Sync with name "%s"`, x.id)
}

// permittedSync returns the sync of the path's id when the caller may do the action.
func (s *Server) permittedSync(x *exchange, actions ...Action) (*Sync, *refusal) {
	if !uuidPattern.MatchString(x.id) {
		return nil, invalid([]issue{invalidString("uuid", "Invalid uuid", []string{"syncId"})})
	}
	y := s.syncs[x.id]
	if y == nil {
		return nil, notFound(`Could not find Bitbucket Sync with ID "%s"`, x.id)
	}
	if no := s.inProject(x, y.ProjectID, "secret-manager"); no != nil {
		return nil, no
	}
	for _, action := range actions {
		if no := x.actor.may(action, y.ProjectID); no != nil {
			return nil, no
		}
	}
	return y, nil
}

func (s *Server) syncAnswer(y *Sync) any { return map[string]any{"secretSync": s.renderSync(y)} }

func (s *Server) renderSync(y *Sync) map[string]any {
	options := map[string]any{"initialSyncBehavior": "overwrite-destination"}
	if y.Options.KeySchema != "" {
		options["keySchema"] = y.Options.KeySchema
	}
	if y.Options.DisableSecretDeletion {
		options["disableSecretDeletion"] = true
	}
	if y.Options.Recursive {
		options["recursive"] = true
	}
	to := map[string]any{"workspaceSlug": y.Destination.Workspace, "repositorySlug": y.Destination.Repository}
	if y.Destination.Environment != "" {
		to["environmentId"] = y.Destination.Environment
	}
	c := s.connections[y.ConnectionID]
	row := map[string]any{
		"id": y.ID, "name": y.Name, "description": y.Description, "projectId": y.ProjectID, "connectionId": y.ConnectionID,
		"version": 1, "isAutoSyncEnabled": y.AutoSync, "createdAt": stamp(y.CreatedAt), "updatedAt": stamp(y.UpdatedAt),
		"syncStatus": orNull(y.Status), "lastSyncJobId": orNull(y.JobID), "lastSyncMessage": orNull(y.Message), "lastSyncedAt": stamp(y.SyncedAt),
		"importStatus": nil, "removeStatus": orNull(y.RemoveStatus), "lastRemoveMessage": orNull(y.RemoveMessage),
		"syncOptions": options, "destination": bitbucketApp, "destinationConfig": to,
		"connection":  map[string]string{"app": c.App, "name": c.Name, "id": c.ID},
		"environment": nil, "folder": nil, "folderId": nil,
	}
	if y.SecretPath != "" {
		row["environment"] = map[string]string{"slug": y.Environment, "name": y.Environment, "id": "env-" + y.Environment}
		row["folder"], row["folderId"] = map[string]string{"id": "folder-" + y.SecretPath, "path": y.SecretPath}, "folder-"+y.SecretPath
	}
	return row
}

// stamp writes a time as the server does, and null for none.
func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// listProjects lists the projects that the identity is in.
// Source: https://infisical.com/docs/api-reference/endpoints/workspaces/get-workspaces
func (s *Server) listProjects(x *exchange) (any, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := x.r.URL.Query().Get("type")
	items := []any{}
	for _, p := range sorted(s.projects, func(p Project) string { return p.ID }) {
		_, member := x.actor.identity.Projects[p.ID]
		if member && p.OrgID == x.actor.orgID && slices.Contains([]string{"", p.Type}, wanted) {
			items = append(items, map[string]any{"id": p.ID, "name": p.Name, "slug": p.Slug, "type": p.Type, "orgId": p.OrgID})
		}
	}
	return map[string]any{"projects": items}, nil
}
