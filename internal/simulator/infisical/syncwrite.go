package infisical

import (
	"slices"
	"strings"
)

func (s *Server) createSync(x *exchange) (any, *refusal) {
	body, issues := parseSync(x.body, true)
	if len(issues) > 0 {
		return nil, invalid(issues)
	}
	if no := s.inProject(x, body.projectID, "secret-manager"); no != nil {
		return nil, no
	}
	if no := x.actor.may(SyncCreate, body.projectID); no != nil {
		return nil, no
	}
	y := &Sync{ID: newUUID(), ProjectID: body.projectID, AutoSync: true, CreatedAt: s.now(), UpdatedAt: s.now()}
	body.fill(y)
	if no := s.checkSync(x, y); no != nil {
		return nil, no
	}
	s.syncs[y.ID] = y
	if y.AutoSync {
		s.queue(y)
	}
	return s.syncAnswer(y), nil
}

// updateSync leaves what wasn't sent, and replaces options and destination whole.
func (s *Server) updateSync(x *exchange) (any, *refusal) {
	body, issues := parseSync(x.body, false)
	if len(issues) > 0 {
		return nil, invalid(issues)
	}
	y, no := s.permittedSync(x, SyncEdit)
	if no != nil {
		return nil, no
	}
	changed := *y
	body.fill(&changed)
	if no := s.checkSync(x, &changed); no != nil {
		return nil, no
	}
	*y = changed
	y.UpdatedAt = s.now()
	if y.AutoSync {
		s.queue(y)
	}
	return s.syncAnswer(y), nil
}

// checkSync has the server's order: folder, duplicate destination, connection, and
// the database's index of names last. Bitbucket is not asked.
func (s *Server) checkSync(x *exchange, y *Sync) *refusal {
	if !slices.Contains(s.projects[y.ProjectID].Folders[y.Environment], y.SecretPath) {
		return badRequest(`Could not find folder with path "%s" in environment "%s" for project with ID "%s"`, y.SecretPath, y.Environment, y.ProjectID)
	}
	if twin := s.duplicate(x.actor.orgID, y.Destination, y.ID); twin != nil && s.organizations[x.actor.orgID].BlockDuplicateDestinations {
		if twin.ProjectID == y.ProjectID {
			return badRequest("A secret sync with this destination already exists in project %s.", y.ProjectID)
		}
		return badRequest("A secret sync with this destination already exists in another project in your organization.")
	}
	c := s.connections[y.ConnectionID]
	switch {
	case c == nil:
		return notFound("Could not find App Connection with ID %s", y.ConnectionID)
	case x.actor.may(Connect, c.ProjectID) != nil:
		return denied(Connect)
	case c.App != bitbucketApp:
		return badRequest("%s Connection with ID %s cannot be used to connect to Bitbucket", c.App, c.ID)
	case c.ProjectID != "" && c.ProjectID != y.ProjectID:
		return badRequest(`You cannot connect project App Connection with ID "%s" from project with ID "%s" to project with ID "%s"`, c.ID, c.ProjectID, y.ProjectID)
	}
	for _, other := range s.syncs {
		if other.ID != y.ID && other.ProjectID == y.ProjectID && other.Name == y.Name {
			return badRequest(`A Secret Sync with the name "%s" already exists for the project with ID "%s"`, y.Name, y.ProjectID)
		}
	}
	return nil
}

func (s *Server) duplicate(orgID string, to Destination, except string) *Sync {
	for _, other := range s.syncs {
		if other.ID != except && other.Destination == to && s.projects[other.ProjectID].OrgID == orgID {
			return other
		}
	}
	return nil
}

// checkDestination fails open: whatever goes wrong, there is no duplicate.
func (s *Server) checkDestination(x *exchange) (any, *refusal) {
	var in reader
	fields := in.object(x.body)
	if fields == nil {
		return nil, invalid(in.issues)
	}
	to := in.destination(fields, true)
	projectID, _ := in.text(fields, "projectId")
	if len(in.issues) == 0 && !uuidPattern.MatchString(projectID) {
		in.issues = append(in.issues, invalidString("uuid", "Invalid uuid", []string{"projectId"}))
	}
	except := in.optionalText(fields, "excludeSyncId")
	if len(in.issues) > 0 {
		return nil, invalid(in.issues)
	}
	if twin := s.duplicate(x.actor.orgID, *to, except); twin != nil {
		return map[string]any{"hasDuplicate": true, "duplicateProjectId": twin.ProjectID}, nil
	}
	return map[string]any{"hasDuplicate": false}, nil
}

func (s *Server) syncSecrets(x *exchange) (any, *refusal) {
	y, no := s.permittedSync(x, SyncRun)
	if no == nil {
		no = y.startable()
	}
	if no != nil {
		return nil, no
	}
	s.queue(y)
	return s.syncAnswer(y), nil
}

func (s *Server) removeSecrets(x *exchange) (any, *refusal) {
	y, no := s.permittedSync(x, SyncRemove)
	if no == nil {
		no = y.startable()
	}
	if no != nil {
		return nil, no
	}
	s.queueRemoval(y, false)
	return s.syncAnswer(y), nil
}

func (s *Server) importSecrets(x *exchange) (any, *refusal) {
	if _, no := s.permittedSync(x); no != nil {
		return nil, no
	}
	return nil, badRequest("Bitbucket does not support importing secrets.")
}

// deleteSync removes the row at once, or, with removeSecrets=true, after a run that
// removes the variables.
func (s *Server) deleteSync(x *exchange) (any, *refusal) {
	removal := x.r.URL.Query().Get("removeSecrets")
	if !slices.Contains([]string{"", "true", "false"}, removal) {
		return nil, invalid([]issue{{
			Code: "invalid_enum_value", Options: []string{"true", "false"}, Received: removal,
			Message: "Invalid enum value. Expected 'true' | 'false', received '" + removal + "'", Path: []string{"removeSecrets"},
		}})
	}
	needed := []Action{SyncDelete}
	if removal == "true" {
		needed = append(needed, SyncRemove)
	}
	y, no := s.permittedSync(x, needed...)
	if no != nil {
		return nil, no
	}
	if removal != "true" {
		delete(s.syncs, y.ID)
		return s.syncAnswer(y), nil
	}
	if no := y.startable(); no != nil {
		return nil, no
	}
	s.queueRemoval(y, true)
	return s.syncAnswer(y), nil
}

// syncBody is the body of a create or an update: nil fields were not sent.
type syncBody struct {
	projectID                                   string
	name, connectionID, environment, secretPath *string
	description                                 *string
	autoSync                                    *bool
	options                                     *SyncOptions
	destination                                 *Destination
}

func (b syncBody) fill(y *Sync) {
	set(&y.Name, b.name)
	set(&y.ConnectionID, b.connectionID)
	set(&y.Environment, b.environment)
	set(&y.SecretPath, b.secretPath)
	set(&y.AutoSync, b.autoSync)
	set(&y.Options, b.options)
	set(&y.Destination, b.destination)
	if b.description != nil {
		y.Description = b.description
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// parseSync checks a body; a create needs all that an update may leave out.
func parseSync(body any, create bool) (syncBody, []issue) {
	var in reader
	var b syncBody
	fields := in.object(body)
	if fields == nil {
		return b, in.issues
	}
	if _, sent := fields["name"]; sent || create {
		b.name = new(in.syncName(fields))
	}
	b.description = in.description(fields)
	if create {
		b.projectID = in.required(fields, "projectId")
	}
	for name, to := range map[string]**string{"connectionId": &b.connectionID, "environment": &b.environment, "secretPath": &b.secretPath} {
		if _, sent := fields[name]; sent || create {
			*to = new(in.required(fields, name))
		}
	}
	if b.connectionID != nil && *b.connectionID != "" && !uuidPattern.MatchString(*b.connectionID) {
		in.issues = append(in.issues, invalidString("uuid", "Invalid uuid", []string{"connectionId"}))
	}
	if b.secretPath != nil && len(*b.secretPath) > 1 {
		*b.secretPath = strings.TrimSuffix(*b.secretPath, "/")
	}
	if value, sent := fields["isAutoSyncEnabled"]; sent {
		on, ok := value.(bool)
		if !ok {
			in.issues = append(in.issues, wrongType("boolean", value, []string{"isAutoSyncEnabled"}))
		}
		b.autoSync = &on
	}
	b.options = in.syncOptions(fields, create)
	b.destination = in.destination(fields, create)
	return b, in.issues
}
