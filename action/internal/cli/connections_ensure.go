package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
)

// connectionsFileFlag says where connections are desired.
type connectionsFileFlag struct{ file string }

// load reads the manifest's connections: those with one of the names, or all when
// no name is given.
func (f connectionsFileFlag) load(inv *invocation, names []string) (manifest.Manifest, error) {
	desired, err := inv.session.Load(inv.ctx, f.file, inv.process.Stdin)
	if err != nil {
		return desired, wrongManifest(err)
	}
	if len(names) == 0 {
		return desired, nil
	}
	all := desired.Connections
	desired.Connections, desired.PruneConnections = nil, false
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		before := len(desired.Connections)
		for _, connection := range all {
			if connection.Name == name {
				desired.Connections = append(desired.Connections, connection)
			}
		}
		if len(desired.Connections) == before {
			return desired, usage("%s has no connection %q", desired.Path, name)
		}
	}
	return desired, nil
}

// uncheckedFlag leaves Bitbucket unasked about tokens.
func uncheckedFlag(command *cobra.Command, value *bool) {
	command.Flags().BoolVar(value, "no-check-token", false, "Don't try a token at Bitbucket before Infisical gets it.")
}

// adoptFlag is the yes to what others made or changed.
func adoptFlag(command *cobra.Command, value *bool) {
	command.Flags().BoolVar(value, "adopt", false, "Yes, take over connections of others, and accept credentials that were changed in Infisical.")
}

func newConnectionsEnsureCommand(inv *invocation) *cobra.Command {
	var from connectionsFileFlag
	var names []string
	var dryRun, unchecked, adopt bool
	command := &cobra.Command{
		Use: "ensure", Short: "Bring connections to what the manifest says, and nothing else of it.", Args: takes(),
		Long: `It creates what is missing and writes what differs; a second run writes nothing. One that linkersync did not make, or that another app's manifest owns, is left alone unless the manifest has "adopt: true" for it, or --adopt is given.`,
		Example: `  linkersync connections ensure
  linkersync connections ensure --name bitbucket-ci --dry-run
  linkersync connections ensure -f production.yaml --json | jq .summary.sentence`,
		RunE: inv.verb(func([]string) error {
			desired, err := from.load(inv, names)
			if err != nil {
				return err
			}
			return inv.passConnections(desired, dryRun, func(client *infisical.Client) (apply.Part, error) {
				return apply.Connections(inv.ctx, client, inv.session.Tokens(desired, !unchecked, adopt), desired.Connections, !dryRun)
			})
		}),
	}
	fileFlag(command, &from.file)
	command.Flags().StringArrayVar(&names, "name", nil, "Only connections of this `NAME`; may be repeated.")
	inv.optionFlags(command.Flags(), named("prune"))
	command.Flags().BoolVar(&dryRun, "dry-run", false, "Show what would be done, and do nothing.")
	uncheckedFlag(command, &unchecked)
	adoptFlag(command, &adopt)
	return command
}

func newConnectionsRotateCommand(inv *invocation) *cobra.Command {
	var from connectionsFileFlag
	var unchecked bool
	command := &cobra.Command{
		Use: "rotate NAME…", Short: "Write a connection's credentials anew, from the manifest's reference.", Args: takes("NAME…"),
		Long: "A token that changed where the manifest points is noticed by ensure, too. So are credentials that somebody changed in Infisical, where the server tells credentialsHash. This verb also writes a token that did not change.",
		Example: `  linkersync connections rotate bitbucket-ci
  linkersync connections rotate bitbucket-ci bitbucket-scan -f production.yaml`,
		RunE: inv.verb(func(names []string) error {
			desired, err := from.load(inv, names)
			if err != nil {
				return err
			}
			return inv.passConnections(desired, false, func(client *infisical.Client) (apply.Part, error) {
				return apply.Rotate(inv.ctx, client, inv.session.Tokens(desired, !unchecked, false), desired.Connections)
			})
		}),
	}
	fileFlag(command, &from.file)
	uncheckedFlag(command, &unchecked)
	return command
}

// passConnections takes the manifest's connections through Infisical, within one
// login, and prints what became of them.
func (inv *invocation) passConnections(desired manifest.Manifest, dryRun bool, through func(*infisical.Client) (apply.Part, error)) error {
	if len(desired.Connections) == 0 {
		return usage("%s has no connections", desired.Path)
	}
	out := newParts(inv, desired.Path, false, !dryRun)
	err := inv.infisical(func(client *infisical.Client) error {
		part, err := through(client)
		if err != nil {
			return err
		}
		if err := out.show(part); err != nil {
			return err
		}
		if failures := apply.RunSyncs(inv.ctx, client, part.Result.Connections, inv.say); len(failures) > 0 {
			return out.show(apply.Part{Applied: true, Failures: failures})
		}
		return nil
	})
	out.close(err)
	if err != nil {
		return err
	}
	return inv.reported()
}
