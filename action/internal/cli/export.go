package cli

import (
	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/manifest"
)

// newExportCommand gets the data out.
func newExportCommand(inv *invocation) *cobra.Command {
	var name, folder string
	command := &cobra.Command{
		Use: "export", Short: "Write what is there now as a manifest.", Args: takes(),
		Long: "It reads every linker and every value that Bitbucket has, and writes them as manifests: a backup, and the start of a move off Connect.",
		Example: `  linkersync export --installation UUID > linkersync.yaml
  linkersync export --installation all --output export/`,
		RunE: inv.verb(func([]string) error {
			switch {
			case inv.json:
				return usage("export writes manifests, which are YAML: leave --json out")
			case folder != "":
				return inv.session.Export(inv.ctx, name, folder, inv.process.Stdout)
			case name == apply.All:
				return usage("every workspace has a manifest of its own: give a folder with --output")
			}
			return inv.exportOne(name)
		}),
	}
	installationFlag(command, &name, manyInstallations)
	required(command, "installation")
	command.Flags().StringVarP(&folder, "output", "o", "", "`FOLDER` for one manifest per workspace, named {workspace uuid}.yaml. Without it, the one manifest goes to standard output.")
	return command
}

func (inv *invocation) exportOne(name string) error {
	for in, err := range inv.session.Installations(inv.ctx, name) {
		if err != nil {
			return err
		}
		exported, err := inv.session.Exported(inv.ctx, in)
		if err != nil {
			return err
		}
		return inv.writeManifest(exported)
	}
	return nil
}

// writeManifest prints what an export found.
func (inv *invocation) writeManifest(exported manifest.Manifest) error {
	encoded, err := manifest.Encode(exported)
	if err != nil {
		return err
	}
	_, err = inv.process.Stdout.Write(encoded)
	return err
}
