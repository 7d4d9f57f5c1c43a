package cli

import (
	"github.com/linkersync/linkersync/action/internal/runner"
	"github.com/linkersync/linkersync/shared/manifest"
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
	if c.Output != "" {
		return inv.session.Export(inv.ctx, c.Installation, c.Output, inv.process.Stdout)
	}
	if c.Installation == runner.All {
		return usage("every workspace has a manifest of its own: give a folder with --output")
	}
	for in, err := range inv.session.Installations(inv.ctx, c.Installation) {
		if err != nil {
			return err
		}
		exported, err := inv.session.Exported(inv.ctx, in)
		if err != nil {
			return err
		}
		encoded, err := manifest.Encode(exported)
		if err != nil {
			return err
		}
		_, err = inv.process.Stdout.Write(encoded)
		return err
	}
	return nil
}
