package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// Export writes each selected installation's linkers and values as a manifest into
// folder, and a line about each to out. One that fails does not keep the others
// from being written; the error joins what failed.
func (s *Session) Export(ctx context.Context, name, folder string, out io.Writer) error {
	if err := platform.MakeShared(folder); err != nil {
		return fmt.Errorf("make the folder for the export: %w", err)
	}
	var failed error
	for in, err := range s.Installations(ctx, name) {
		if err != nil && in.ClientKey == "" {
			return errors.Join(failed, err)
		}
		if err == nil {
			err = s.exportTo(ctx, in, folder, out)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("export %s: %w", in.ClientKey, err))
		}
	}
	return failed
}

func (s *Session) exportTo(ctx context.Context, in installation.Installation, folder string, out io.Writer) error {
	exported, err := s.Exported(ctx, in)
	if err != nil {
		return err
	}
	encoded, err := manifest.Encode(exported)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, fileName(in))
	if err := writeWhole(path, encoded); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s: %d linkers of %s %s\n", path, len(exported.Linkers), platform.Printable(in.Principal.DisplayName), in.Principal.UUID)
	return err
}

// fileName is an installation's own, as the deployment's bucket has it below
// installations/: the workspace's UUID in braces. Where an imported installation names
// no workspace it is the client key, which the bucket has no use for.
func fileName(in installation.Installation) string {
	if id := in.Principal.UUID; id != "" {
		return "{" + url.PathEscape(strings.ToLower(id.Bare())) + "}.yaml"
	}
	return url.PathEscape(in.ClientKey) + ".yaml"
}

// writeWhole leaves an earlier export as it is when this one can't be written.
func writeWhole(path string, data []byte) error {
	half := path + ".part"
	err := platform.WriteShared(half, data)
	if err == nil {
		err = os.Rename(half, path)
	}
	if err != nil {
		_ = os.Remove(half) // it may not be there
	}
	return err
}

// Exported returns everything that an installation's linkers hold, as a manifest.
func (s *Session) Exported(ctx context.Context, in installation.Installation) (manifest.Manifest, error) {
	client := s.Bitbucket(in)
	exported := manifest.Manifest{App: in.AppKey}
	for linker, err := range client.Linkers(ctx) {
		if err != nil {
			return exported, fmt.Errorf("list linkers: %w", err)
		}
		values, err := reconcile.ExportLinker(ctx, client, linker.Key)
		if err != nil {
			return exported, err
		}
		exported.Linkers = append(exported.Linkers, values)
	}
	return exported, nil
}
