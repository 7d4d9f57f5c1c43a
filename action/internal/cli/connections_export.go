package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/tagged"
)

func newConnectionsExportCommand(inv *invocation) *cobra.Command {
	var project string
	command := &cobra.Command{
		Use: "export", Short: "Write the connections that Infisical has as a manifest.", Args: takes(),
		Long: `Infisical tells nobody a token, so the manifest says where each one is: the tagged secret (aws-secret:NAME#token) where AWS credentials can read it, else a variable that you set, such as env:BITBUCKET_CI_TOKEN.

With the tokens there, the manifest plans to "no change" for what linkersync keeps. What it doesn't keep has "adopt: true".`,
		Example: `  linkersync connections export --app-key my-app > connections.yaml
  linkersync connections export --project ID`,
		RunE: inv.verb(func([]string) error {
			if inv.json {
				return usage("export writes a manifest, which is YAML: leave --json out")
			}
			return inv.exportConnections(project)
		}),
	}
	command.Flags().StringVar(&project, "project", "", "Only those of the project with this `ID`. Default: all that the identity may read.")
	return command
}

func (inv *invocation) exportConnections(project string) error {
	tokens, err := inv.tagged()
	if err != nil {
		return err
	}
	exported := manifest.Manifest{App: inv.session.AppKey()}
	err = inv.infisical(func(client *infisical.Client) error {
		listed, err := client.Connections(inv.ctx, project)
		for _, row := range listed {
			token, known := tokens[[2]string{row.ProjectID, row.Name}]
			reference := manifest.Reference{Scheme: manifest.SchemeAWSSecret, Target: token.Secret, Key: "token"}
			if !known {
				name := strings.ToUpper(strings.ReplaceAll(row.Name, "-", "_"))
				reference = manifest.Reference{Scheme: manifest.SchemeEnv, Target: "BITBUCKET_" + name + "_TOKEN"}
			}
			connection := reconcile.ExportConnection(row, exported.App, reference)
			connection.Uses = token.Uses
			exported.Connections = append(exported.Connections, connection)
		}
		return err
	})
	if err != nil {
		return err
	}
	return inv.writeManifest(exported)
}

// tagged are the tokens of the tagged secrets, by project and name; nil without AWS.
func (inv *invocation) tagged() (map[[2]string]tagged.Token, error) {
	tokens, err := inv.session.TaggedTokens(inv.ctx)
	if withoutAWS(err) {
		return nil, nil
	}
	named := map[[2]string]tagged.Token{}
	for _, token := range tokens {
		named[[2]string{token.Desired.ProjectID, token.Desired.Name}] = token
	}
	return named, err
}
