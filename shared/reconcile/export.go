package reconcile

import (
	"context"
	"slices"

	"github.com/linkersync/linkersync/shared/manifest"
)

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
