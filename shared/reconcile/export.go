package reconcile

import (
	"context"
	"slices"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
)

// ExportConnection returns a connection in the form that a manifest wants it. The server
// never tells the token: say where it is. Adopt is set where linkersync does not keep the
// connection for the app.
func ExportConnection(row infisical.Connection, app string, token manifest.Reference) manifest.Connection {
	text, m, ours := unmarked(row.Description)
	return manifest.Connection{
		Name: row.Name, ProjectID: row.ProjectID, Description: text, Email: row.Email, Token: token,
		Adopt: !ours || m.owner != "" && !sameOwner(m.owner, app),
	}
}

// ExportLinker returns what Bitbucket holds for a linker in the form that a
// manifest wants it: each value once, sorted, so that two exports compare. It
// does not prune: whoever applies it elsewhere decides that.
//
// All values are returned, even those that a manifest would refuse; getting data
// out comes first, and the manifest's reader names them.
func ExportLinker(ctx context.Context, api LinkerValues, linkerKey string) (manifest.Linker, error) {
	values := []string{}
	for value, err := range api.LinkerValues(ctx, linkerKey) {
		if err != nil {
			return manifest.Linker{}, readError(linkerKey, err)
		}
		if value.Value == "" {
			return manifest.Linker{}, readError(linkerKey, errUnreadable)
		}
		values = append(values, value.Value)
	}
	slices.Sort(values)
	return manifest.Linker{Key: linkerKey, Values: slices.Compact(values)}, nil
}
