package infisical

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// may checks a permission of the caller, for connections of its organisation or of a project.
func (a *actor) may(action Action, projectID string) *refusal {
	have := a.identity.Permissions
	if projectID != "" {
		have = a.identity.Projects[projectID]
	}
	if !slices.Contains(have, action) {
		return denied(action)
	}
	return nil
}

func (s *Server) listOptions(*exchange) (any, *refusal) {
	option := func(name, app string, methods ...string) map[string]any {
		return map[string]any{"name": name, "app": app, "methods": methods}
	}
	return map[string]any{"appConnectionOptions": []any{
		option("AWS", "aws", "access-key", "assume-role"),
		option("Bitbucket", bitbucketApp, apiToken),
		option("GitHub", "github", "oauth", "github-app"),
	}}, nil
}

func (s *Server) listAll(x *exchange) (any, *refusal) { return s.list(x, "") }

func (s *Server) listBitbucket(x *exchange) (any, *refusal) { return s.list(x, bitbucketApp) }

// list returns a project's connections, or without a project all of the
// organisation's, those of its projects among them.
func (s *Server) list(x *exchange, app string) (any, *refusal) {
	projectID, no := projectQuery(x.r)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if projectID != "" && s.projects[projectID] == nil {
		return nil, notFound("Project with ID '%s' not found", projectID)
	}
	if no := x.actor.may(Read, projectID); no != nil {
		return nil, no
	}
	connections := s.find(func(c *Connection) bool {
		inScope := c.OrgID == x.actor.orgID && (projectID == "" || c.ProjectID == projectID)
		return inScope && (app == "" || c.App == app)
	})
	items := make([]any, len(connections))
	for i, c := range connections {
		item := c.render()
		item["project"] = s.renderProject(c.ProjectID)
		items[i] = item
	}
	return map[string]any{"appConnections": items}, nil
}

// listAvailable returns what the caller may connect: those of the organisation,
// and of the project if there is one.
func (s *Server) listAvailable(x *exchange) (any, *refusal) {
	projectID, no := projectQuery(x.r)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if projectID != "" {
		if s.projects[projectID] == nil {
			return nil, badRequest("Could not find project with ID %s", projectID)
		}
		if no := x.actor.may(Connect, projectID); no != nil {
			return nil, no
		}
	}
	connections := s.find(func(c *Connection) bool {
		inScope := c.OrgID == x.actor.orgID && (c.ProjectID == "" || c.ProjectID == projectID)
		return inScope && c.App == bitbucketApp && x.actor.may(Connect, c.ProjectID) == nil
	})
	items := make([]any, len(connections))
	for i, c := range connections {
		items[i] = map[string]any{"app": c.App, "name": c.Name, "id": c.ID, "orgId": c.OrgID, "projectId": orNull(c.ProjectID)}
	}
	return map[string]any{"appConnections": items}, nil
}

// find returns the matching connections, sorted by name whatever the case.
func (s *Server) find(keep func(*Connection) bool) []*Connection {
	var found []*Connection
	for _, c := range s.connections {
		if keep(c) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *Connection) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return found
}

func (s *Server) getByID(x *exchange) (any, *refusal) {
	if no := checkID(x.id); no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, no := s.permitted(x, Read)
	if no != nil {
		return nil, no
	}
	return answer(c), nil
}

// getByName looks in one scope only: that of the project, or, without one, of the
// connections that belong to no project.
func (s *Server) getByName(x *exchange) (any, *refusal) {
	name := strings.TrimSpace(x.id)
	if name == "" {
		return nil, invalid([]issue{tooSmall("Connection name required", []string{"connectionName"})})
	}
	projectID, no := projectQuery(x.r)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(func(c *Connection) bool {
		return c.Name == name && c.ProjectID == projectID && (projectID != "" || c.OrgID == x.actor.orgID)
	})
	if len(found) == 0 {
		scope := "organization"
		if projectID != "" {
			scope = "project"
		}
		return nil, notFound("Could not find App Connection with name %s in %s scope.", name, scope)
	}
	if no := x.actor.may(Read, projectID); no != nil {
		return nil, no
	}
	if found[0].App != bitbucketApp {
		return nil, badRequest("App Connection with name %s is not for App %q", name, bitbucketApp)
	}
	return answer(found[0]), nil
}

// permitted returns the connection of the path's id when the caller may do the
// action: 404, then 403, then 400 for another app's.
func (s *Server) permitted(x *exchange, action Action) (*Connection, *refusal) {
	c := s.connections[x.id]
	if c == nil {
		return nil, notFound("Could not find App Connection with ID %s", x.id)
	}
	if c.OrgID != x.actor.orgID {
		return nil, forbidden("You are not logged into this organization")
	}
	if no := x.actor.may(action, c.ProjectID); no != nil {
		return nil, no
	}
	if c.App != bitbucketApp {
		return nil, badRequest("App Connection with ID %s is not for App %q", x.id, bitbucketApp)
	}
	return c, nil
}

func checkID(id string) *refusal {
	if uuidPattern.MatchString(id) {
		return nil
	}
	return invalid([]issue{invalidString("uuid", "Invalid uuid", []string{"connectionId"})})
}

// projectQuery reads the optional projectId of a query.
func projectQuery(r *http.Request) (string, *refusal) {
	values := r.URL.Query()["projectId"]
	if len(values) > 1 {
		return "", invalid([]issue{wrongType("string", []any{}, []string{"projectId"})})
	}
	return r.URL.Query().Get("projectId"), nil
}
