package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/rollout"
	"github.com/linkersync/linkersync/shared/transport"
)

func newPushCommand(inv *invocation) *cobra.Command {
	var follow bool
	command := &cobra.Command{
		Use: "push", Short: "Put the manifest's linkers into the deployment's bucket, which applies them.", Args: takes(),
		Long: "It checks the manifest first, and writes only when nobody else has written meanwhile. Values files become a part of what is stored.",
		Example: `  linkersync push --follow
  linkersync push -f acme.yaml --installation UUID`,
	}
	inv.optionFlags(command.Flags(), named("file", "bucket", "table"))
	installationFlag(command, &inv.options.Installation, "`all|UUID`: every workspace without a manifest of its own, or one workspace. Without it, all.")
	command.Flags().BoolVar(&follow, "follow", false, "Wait for the run that this begins. It needs --table.")
	required(command, "bucket")
	command.RunE = inv.verb(func([]string) error { return inv.push(follow) })
	return command
}

// pushed is what a push did.
type pushed struct {
	Object    string `json:"object"`
	VersionID string `json:"version_id"`
	Changed   bool   `json:"changed"`
}

func (inv *invocation) push(follow bool) error {
	wanted, err := inv.session.Load(inv.ctx, inv.options.File, inv.process.Stdin)
	if err != nil {
		return wrongManifest(err)
	}
	desired, err := inv.session.Desired(inv.ctx)
	if err != nil {
		return err
	}
	scope, err := inv.scope()
	if err != nil {
		return err
	}
	result, err := upload(inv.ctx, desired, scope, wanted)
	if err != nil {
		return err
	}
	if err := inv.print(result, func(w io.Writer) {
		word := "has this manifest already, as"
		if result.Changed {
			word = "is written, as"
		}
		_, _ = fmt.Fprintf(w, "%s %s version %s\n", result.Object, word, result.VersionID)
		if len(wanted.Connections)+len(wanted.Syncs) > 0 {
			_, _ = fmt.Fprintln(w, "The bucket takes linkers only: \"linkersync apply\" brings the connections and syncs to Infisical.")
		}
	}); err != nil || !result.Changed || !follow {
		return err
	}
	return inv.followPush(result)
}

// scope is the object of the bucket that --installation names.
func (inv *invocation) scope() (string, error) {
	name := inv.options.Installation
	if name == "" || name == apply.All {
		return rollout.DefaultScope, nil
	}
	if err := rollout.CheckInstallations([]string{name}); err != nil {
		return "", usage("--installation is %q, and takes all or a workspace's UUID in braces", name)
	}
	return rollout.WorkspaceScope(name), nil
}

// upload checks the manifest as the functions will, and stores it unless it is there.
func upload(ctx context.Context, desired rollout.Desired, scope string, wanted manifest.Manifest) (pushed, error) {
	encoded, err := manifest.Encode(manifest.Manifest{App: wanted.App, Linkers: wanted.Linkers})
	if err == nil {
		_, err = desired.Parse(wanted.Path, encoded)
	}
	if err != nil {
		return pushed{}, err
	}
	present, err := desired.Objects.Get(ctx, scope)
	if errors.Is(err, rollout.ErrNoObject) {
		present, err = rollout.Object{Key: scope}, nil
	}
	if err != nil || bytes.Equal(present.Body, encoded) {
		return pushed{Object: scope, VersionID: present.VersionID}, err
	}
	version, err := desired.Objects.Upload(ctx, present, encoded)
	if errors.Is(err, rollout.ErrReplaced) {
		err = fmt.Errorf("%w: somebody else has written %s: look at it, then push again", err, scope)
	}
	return pushed{Object: scope, VersionID: version, Changed: true}, err
}

// followPush finds the run of what was written, which dispatch begins within seconds.
func (inv *invocation) followPush(result pushed) error {
	table, err := inv.deployment()
	if err != nil {
		return err
	}
	for {
		id, err := table.RunOf(inv.ctx, inv.session.AppKey(), result.Object, result.VersionID)
		if err != nil {
			return err
		}
		if id != "" {
			return inv.followRun(table, id)
		}
		if err := transport.Sleep(inv.ctx, lookEvery); err != nil {
			return fmt.Errorf("no run has begun for version %s: look at the log of the function dispatch, or at \"linkersync deadletters list\" (%w)", result.VersionID, err)
		}
	}
}
