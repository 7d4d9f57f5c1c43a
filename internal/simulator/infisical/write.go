package infisical

import "context"

// create checks in the server's order: permission, then the credentials against
// Bitbucket, and only then, by the database's index, whether the name is free.
func (s *Server) create(x *exchange) (any, *refusal) {
	body, issues := parseCreation(x.body)
	if len(issues) > 0 {
		return nil, invalid(issues)
	}
	if no := s.mayCreate(x.actor, body.projectID); no != nil {
		return nil, no
	}
	// A caller that gives up doesn't stop the server.
	if no := s.checkCredentials(context.WithoutCancel(x.r.Context()), &body.credentials); no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken(body.name, body.projectID, x.actor.orgID, "") {
		return nil, nameTaken(body.name)
	}
	if tooLong(body.description) {
		return nil, internal()
	}
	c := &Connection{
		ID: newUUID(), Name: body.name, Description: body.description, App: bitbucketApp, Method: apiToken,
		OrgID: x.actor.orgID, ProjectID: body.projectID, CreatedAt: s.now(), UpdatedAt: s.now(),
	}
	c.setCredentials(&body.credentials)
	s.connections[c.ID] = c
	return answer(c), nil
}

func (s *Server) mayCreate(caller *actor, projectID string) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if projectID != "" && s.projects[projectID] == nil {
		return badRequest("Could not find project with ID %s", projectID)
	}
	return caller.may(Create, projectID)
}

func (s *Server) update(x *exchange) (any, *refusal) {
	if no := checkID(x.id); no != nil {
		return nil, no
	}
	body, issues := parseChange(x.body)
	if len(issues) > 0 {
		return nil, invalid(issues)
	}
	s.mu.Lock()
	_, no := s.permitted(x, Edit)
	s.mu.Unlock()
	if no != nil {
		return nil, no
	}
	if body.credentials != nil {
		if no := s.checkCredentials(context.WithoutCancel(x.r.Context()), body.credentials); no != nil {
			return nil, no
		}
	}
	return s.apply(x, body)
}

// apply writes the fields that were sent and leaves the others.
func (s *Server) apply(x *exchange, body change) (any, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.connections[x.id]
	if c == nil {
		return nil, notFound("Could not find App Connection with ID %s", x.id) // deleted meanwhile
	}
	if tooLong(body.description) {
		return nil, internal()
	}
	if body.name != nil && s.taken(*body.name, c.ProjectID, c.OrgID, c.ID) {
		return nil, nameTaken(*body.name)
	}
	if body.name != nil {
		c.Name = *body.name
	}
	if body.description != nil || body.clear {
		c.Description = body.description
	}
	if body.credentials != nil {
		c.setCredentials(body.credentials)
	}
	c.UpdatedAt = s.now()
	return answer(c), nil
}

// remove answers with what is gone.
func (s *Server) remove(x *exchange) (any, *refusal) {
	if no := checkID(x.id); no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, no := s.permitted(x, Delete)
	if no != nil {
		return nil, no
	}
	if c.InUse || s.used(c.ID) {
		return nil, badRequest("Cannot delete App Connection with existing connections. Remove all existing connections and try again.")
	}
	delete(s.connections, c.ID)
	return answer(c), nil
}

// tooLong: the API takes 256 characters, and the database's column has 255.
func tooLong(description *string) bool { return description != nil && length(*description) > 255 }

// taken tells whether another connection, of whatever app, has the name: in the
// project, or among those of the organisation that belong to none.
func (s *Server) taken(name, projectID, orgID, except string) bool {
	for _, c := range s.connections {
		if c.ID != except && c.Name == name && c.ProjectID == projectID && c.OrgID == orgID {
			return true
		}
	}
	return false
}

func nameTaken(name string) *refusal {
	return badRequest(`An App Connection with the name "%s" already exists`, name)
}

func (c *Connection) setCredentials(from *credentials) {
	c.Email, c.APIToken = from.email, from.apiToken
	c.CredentialsHash = newCredentialsHash(from.email, from.apiToken)
}
