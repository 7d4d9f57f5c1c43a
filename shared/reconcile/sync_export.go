package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/linkersync/linkersync/shared/manifest"
)

// ExportSyncs returns the secret syncs of a project as a manifest has them, sorted by
// name. Planning them changes nothing: one that linkersync did not make stays as it is
// until it is to differ. left says which syncs no manifest can have, and why.
func ExportSyncs(ctx context.Context, api Syncs, projectID string) (syncs []manifest.Sync, left []string, err error) {
	rows, err := api.Syncs(ctx, projectID)
	if err != nil {
		return nil, nil, fmt.Errorf("export syncs: %w", err)
	}
	connections, err := api.Connections(ctx, projectID)
	if err != nil {
		return nil, nil, fmt.Errorf("export syncs: %w", err)
	}
	own := map[string]string{}
	for _, connection := range connections {
		if connection.ProjectID == projectID {
			own[connection.ID] = connection.Name
		}
	}
	for _, row := range rows {
		name, ofProject := own[row.ConnectionID]
		text, _, _ := unmarkedSync(row.Description)
		sync := manifest.Sync{
			Name: row.Name, ProjectID: projectID, Description: text, Environment: row.Environment, SecretPath: row.SecretPath,
			Connection: cmp.Or(name, row.ConnectionName), OrganizationConnection: !ofProject,
			Workspace: row.Workspace, Repository: row.Repository, DeploymentEnvironment: row.DeploymentEnvironment,
			KeySchema: row.KeySchema, Deletion: row.Deletion, Automatic: row.Automatic,
		}
		if _, err := manifest.Encode(manifest.Manifest{Path: "sync " + row.Name, Syncs: []manifest.Sync{sync}}); err != nil {
			why := err.Error()
			if row.SecretPath == "" {
				why = "its folder was deleted in Infisical"
			}
			left = append(left, fmt.Sprintf("%s: %s", place{projectID, row.Name}, why))
			continue
		}
		syncs = append(syncs, sync)
	}
	slices.SortFunc(syncs, func(a, b manifest.Sync) int { return cmp.Compare(a.Name, b.Name) })
	return syncs, left, nil
}
