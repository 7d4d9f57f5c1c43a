package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// exportCommand gets the data out.
type exportCommand struct {
	Installation string `help:"all, a client key, or a workspace's UUID or name." required:"" env:"LINKERSYNC_INSTALLATION" placeholder:"all|KEY|WORKSPACE"`
	Output       string `help:"Folder for one manifest per workspace, named <workspace uuid>.yaml. Without it, the one manifest goes to standard output." short:"o" placeholder:"FOLDER"`
}

// Help implements kong.HelpProvider.
func (exportCommand) Help() string {
	return `It reads every linker and every value that Bitbucket has, and writes them as manifests: a backup, and the start of a move off Connect.

Examples:
  linkersync export --installation my-workspace > linkersync.yaml
  linkersync export --installation all --output export/`
}

// Run implements the verb.
func (c *exportCommand) Run(inv *invocation) error {
	if c.Output == "" && c.Installation == "all" {
		return usage("every workspace has a manifest of its own: give a folder with --output")
	}
	if c.Output != "" {
		if err := os.MkdirAll(c.Output, 0o750); err != nil {
			return fmt.Errorf("make the folder for the export: %w", err)
		}
	}
	failed := false
	for in, err := range inv.installations(c.Installation) {
		if err == nil {
			err = c.one(inv, in)
		}
		if err != nil && in.ClientKey == "" {
			return err
		}
		if err != nil {
			failed = true
			_, _ = fmt.Fprintf(inv.process.Stderr, "! %s: %v\n", label(in), err)
		}
	}
	if failed {
		return errReported
	}
	return nil
}

func (c *exportCommand) one(inv *invocation, in installation.Installation) error {
	client := inv.session.Bitbucket(in)
	out := manifest.Manifest{App: in.AppKey}
	for linker, err := range client.Linkers(inv.ctx) {
		if err != nil {
			return fmt.Errorf("list linkers: %w", err)
		}
		exported, err := reconcile.ExportLinker(inv.ctx, client, linker.Key)
		if err != nil {
			return err
		}
		out.Linkers = append(out.Linkers, exported)
	}
	encoded, err := manifest.Encode(out)
	if err != nil {
		return err
	}
	if c.Output == "" {
		_, err := inv.process.Stdout.Write(encoded)
		return err
	}
	path := filepath.Join(c.Output, strings.Trim(in.Principal.UUID, "{}")+".yaml")
	if err := os.WriteFile(path, encoded, 0o600); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	return inv.done("%s: %d linkers of %s", path, len(out.Linkers), label(in))
}
