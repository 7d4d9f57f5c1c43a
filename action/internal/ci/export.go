package ci

import (
	"context"
	"errors"
)

// export writes the manifests of the selected installations into a folder, for a
// later step to keep.
func (s *step) export(ctx context.Context) error {
	if s.config.Installation == "" {
		return errors.New("installation: say what to export: all, a client key, or a workspace's UUID")
	}
	return s.session.Export(ctx, s.config.Installation, s.config.Output, s.out)
}
