package infisical

import (
	"cmp"
	"slices"
	"strings"
)

// scanningEndpoint finds the endpoint below /api/v2/secret-scanning.
// Source: https://infisical.com/docs/api-reference/endpoints/secret-scanning/data-sources/bitbucket/list
func (s *Server) scanningEndpoint(x *exchange, segments []string) *endpoint {
	shape := strings.Join(append([]string{x.r.Method}, segments...), " ")
	var handle func(*exchange) (any, *refusal)
	switch {
	case shape == "GET secret-scanning data-sources" || shape == "GET secret-scanning data-sources bitbucket":
		handle = s.listDataSources
	case len(segments) == 5 && strings.HasPrefix(shape, "GET secret-scanning data-sources bitbucket ") && segments[4] == "scans":
		x.id = segments[3]
		handle = s.listScans
	default:
		return nil
	}
	return &endpoint{handle: func(x *exchange) (any, *refusal) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return handle(x)
	}}
}

func (s *Server) listDataSources(x *exchange) (any, *refusal) {
	projectID, no := s.manager(x, "secret-scanning")
	if no != nil {
		return nil, no
	}
	if no := s.mayScan(x, DataSourceRead, projectID); no != nil {
		return nil, no
	}
	items := []any{}
	for _, d := range sorted(s.dataSources, func(d DataSource) string { return d.ID }) {
		if d.ProjectID == projectID {
			items = append(items, s.renderDataSource(&d))
		}
	}
	return map[string]any{"dataSources": items}, nil
}

// mayScan checks the plan before the permission.
func (s *Server) mayScan(x *exchange, action Action, projectID string) *refusal {
	if s.projects[projectID].NoScanning {
		return badRequest("Failed to access Secret Scanning Data Sources due to plan restriction. Upgrade plan to enable Secret Scanning.")
	}
	return x.actor.may(action, projectID)
}

func (s *Server) renderDataSource(d *DataSource) map[string]any {
	c := s.connections[d.ConnectionID]
	return map[string]any{
		"id": d.ID, "externalId": nil, "name": d.Name, "description": nil, "projectId": d.ProjectID, "type": bitbucketApp,
		"connectionId": d.ConnectionID, "connection": map[string]string{"app": c.App, "name": c.Name, "id": c.ID},
		"config":            map[string]any{"workspaceSlug": d.Workspace, "includeRepos": d.Repositories},
		"isAutoScanEnabled": true, "isDisconnected": false,
	}
}

func (s *Server) listScans(x *exchange) (any, *refusal) {
	d := s.dataSources[x.id]
	if d == nil {
		return nil, notFound(`Could not find Bitbucket Data Source with ID "%s"`, x.id)
	}
	if no := s.inProject(x, d.ProjectID, "secret-scanning"); no != nil {
		return nil, no
	}
	if no := s.mayScan(x, DataSourceScans, d.ProjectID); no != nil {
		return nil, no
	}
	scans := slices.SortedFunc(slices.Values(d.Scans), func(a, b Scan) int { return cmp.Compare(a.ID, b.ID) })
	items := []any{}
	for _, scan := range scans {
		items = append(items, map[string]any{
			"id": scan.ID, "status": scan.Status, "statusMessage": orNull(scan.Message), "type": "full-scan",
			"resourceId": "resource-" + d.ID, "createdAt": stamp(scan.CreatedAt),
		})
	}
	return map[string]any{"scans": items}, nil
}
