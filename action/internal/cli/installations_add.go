package cli

import (
	"iter"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

func newInstallationsAddCommand(inv *invocation) *cobra.Command {
	flags := &intakeFlags{parallel: 1}
	var workspaces []string
	var reference string
	command := &cobra.Command{
		Use: "add", Short: "Add workspaces of a registered app, for which the app-level secret signs.", Args: takes(),
		Long: `A registered app has one secret for all workspaces, and in each the client key ari:cloud:bitbucket::app/{workspace uuid}/<app key>: nothing but the workspace's UUID is needed to add one. Each is proven by a call to Bitbucket before it is stored.

--app-secret says where the secret is, and is never the secret itself: env:NAME, file:PATH or aws-secret:ID#key.`,
		Example: `  linkersync installations add --workspace UUID \
    --app-secret aws-secret:linkersync/app#app_secret
  linkersync installations add --workspace {…} --workspace {…} \
    --app-secret env:APP_SECRET --dry-run`,
		RunE: inv.verb(func([]string) error {
			keys, err := inv.workspaceKeys(workspaces)
			if err != nil {
				return err
			}
			secret, err := inv.appSecret(reference)
			if err != nil {
				return err
			}
			return inv.takeIn(added(inv.session.AppKey(), keys, secret), flags, true)
		}),
	}
	flags.define(command)
	command.Flags().StringArrayVar(&workspaces, "workspace", nil, "The workspace's or user's `UUID`; may be repeated.")
	command.Flags().StringVar(&reference, "app-secret", "", "`REFERENCE` to the app-level secret.")
	fromEnvironment(command.Flags(), "app-secret", setup.AppSecretVariable)
	required(command, "app-secret")
	return command
}

// workspaceKeys makes the client keys.
func (inv *invocation) workspaceKeys(workspaces []string) ([]string, error) {
	appKey := inv.session.AppKey()
	if appKey == "" {
		return nil, usage("--app-key is missing: say which app the workspaces have [$LINKERSYNC_APP_KEY]")
	}
	if len(workspaces) == 0 {
		return nil, usage("--workspace is missing: give the UUID of each workspace to add")
	}
	keys := make([]string, len(workspaces))
	for i, text := range workspaces {
		workspace, err := connect.ParseWorkspaceUUID(text)
		if err != nil {
			return nil, usage("--workspace: %v", err)
		}
		keys[i] = connect.ClientKey(workspace, appKey)
	}
	return keys, nil
}

func (inv *invocation) appSecret(text string) (redact.Secret, error) {
	reference, err := manifest.ParseReference(text)
	if err != nil {
		return redact.Secret{}, usage("--app-secret: %v", err)
	}
	return inv.session.Resolve(inv.ctx, reference)
}

// added are the rows that a file would have.
func added(appKey string, keys []string, secret redact.Secret) iter.Seq2[installation.Row, error] {
	return func(yield func(installation.Row, error) bool) {
		for _, key := range keys {
			workspace, _, _ := connect.ClientKeyWorkspace(key)
			row := installation.Row{Installation: installation.Installation{
				AppKey: appKey, ClientKey: key, SharedSecret: secret, State: installation.Installed,
				Principal: installation.Principal{UUID: workspace, Type: "team"},
			}}
			if !yield(row, nil) {
				return
			}
		}
	}
}
