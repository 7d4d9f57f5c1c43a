package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/importer/journal"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
)

func newAddonCommand(inv *invocation) *cobra.Command {
	return newGroup("addon", "The app itself: update its descriptor, lead workspaces on to Forge, remove it.",
		newAddonUpdateCommand(inv), newAddonDeleteCommand(inv), newAddonTokenCommand(inv))
}

// addonUpdate are the flags of addon update.
type addonUpdate struct {
	installation                            string
	descriptor, descriptorURL, forgeAppLink string
	parallel                                int
	journal                                 string
	dryRun, yes                             bool
}

func newAddonUpdateCommand(inv *invocation) *cobra.Command {
	c := &addonUpdate{}
	command := &cobra.Command{
		Use: "update", Short: "Make Bitbucket take the app's descriptor anew; lead workspaces on to a Forge app.", Args: takes(),
		Long: "Without --descriptor and --descriptor-url, Bitbucket reads the registered descriptor again.",
		Example: `  linkersync addon update --installation all --journal moved.txt
  linkersync addon update --installation all \
    --descriptor atlassian-connect.json \
    --forge-app-link https://developer.atlassian.com/console/install/… \
    --journal moved.txt`,
		RunE: inv.verb(func([]string) error { return c.run(inv) }),
	}
	installationFlag(command, &c.installation, manyInstallations)
	required(command, "installation")
	flags := command.Flags()
	flags.StringVar(&c.descriptor, "descriptor", "", "Send this descriptor `FILE`.")
	flags.StringVar(&c.descriptorURL, "descriptor-url", "", "Make Bitbucket read this `URL`, which must be the registered one.")
	flags.StringVar(&c.forgeAppLink, "forge-app-link", "", "Write this `URL` of your Forge app into the descriptor that is sent.")
	parallelFlag(command, &c.parallel, "How many workspaces at a time.")
	flags.StringVar(&c.journal, "journal", "", "Remember in this `FILE` which workspaces are done; the same command with the same file goes on where it stopped. Another descriptor needs another file.")
	flags.BoolVar(&c.dryRun, "dry-run", false, "Show which workspaces would be updated, and call nothing.")
	flags.BoolVar(&c.yes, "yes", false, "Yes, update every workspace; don't ask on a terminal.")
	command.MarkFlagsMutuallyExclusive("descriptor", "descriptor-url")
	return command
}

// updated is what became of one workspace.
type updated struct {
	ClientKey string `json:"client_key"`
	Workspace string `json:"workspace"`
	Error     string `json:"error,omitempty"`
}

func (c *addonUpdate) run(inv *invocation) error {
	update, job, err := c.request()
	if err != nil {
		return err
	}
	if c.installation == apply.All && !c.yes && !c.dryRun {
		if err := inv.confirm("This updates the app in every workspace that has it; --dry-run shows which."); err != nil {
			return err
		}
	}
	done, err := journal.Open(c.journal, "addon update of app "+inv.session.AppKey()+": "+job)
	if err != nil {
		return err
	}
	defer done.Close()
	var group errgroup.Group
	group.SetLimit(c.parallel)
	report := &report{inv: inv, done: done, dryRun: c.dryRun}
	for in, err := range inv.session.Installations(inv.ctx, c.installation) {
		stopped := context.Cause(inv.ctx)
		if stopped != nil || err != nil && in.ClientKey == "" {
			report.failed = cmp.Or(stopped, err)
			break
		}
		if done.Has(in.ClientKey) {
			report.skipped++
			continue
		}
		group.Go(func() error {
			if err == nil && !c.dryRun { // it could be read
				err = update(inv.ctx, inv.session.Bitbucket(in))
			}
			return report.add(in, err)
		})
	}
	err = group.Wait()
	return errors.Join(err, report.finish("updated"))
}

// request reads the files once. It returns the call to make for each workspace, and
// what tells it from another in a journal.
func (c *addonUpdate) request() (update func(context.Context, *bitbucket.Client) error, job string, err error) {
	if err := errors.Join(wholeAddress("--descriptor-url", c.descriptorURL), wholeAddress("--forge-app-link", c.forgeAppLink)); err != nil {
		return nil, "", usageError{message: err.Error()}
	}
	switch {
	case c.descriptorURL != "" && c.forgeAppLink != "":
		return nil, "", usage("--forge-app-link is written into a descriptor that is sent: give --descriptor, not --descriptor-url")
	case c.descriptorURL != "":
		return func(ctx context.Context, client *bitbucket.Client) error {
			return client.UpdateAddonDescriptorURL(ctx, c.descriptorURL)
		}, "the descriptor at " + strings.Join(strings.Fields(c.descriptorURL), " "), nil
	case c.descriptor == "" && c.forgeAppLink != "":
		return nil, "", usage("--forge-app-link is written into the descriptor: give that file with --descriptor")
	case c.descriptor == "":
		return func(ctx context.Context, client *bitbucket.Client) error { return client.UpdateAddon(ctx) }, "the registered descriptor", nil
	}
	body, err := c.body()
	if err != nil {
		return nil, "", usage("--descriptor %s: %v", c.descriptor, err)
	}
	return func(ctx context.Context, client *bitbucket.Client) error {
		return client.UpdateAddonDescriptor(ctx, body)
	}, fmt.Sprintf("the descriptor with the digest %x", sha256.Sum256(body)), nil
}

// wholeAddress refuses what no workspace could open: the link is shown to all of them.
func wholeAddress(flag, text string) error {
	if address, err := url.Parse(text); text == "" || err == nil && address.Scheme == "https" && address.Host != "" {
		return nil
	}
	return fmt.Errorf("%s is %q, and should be a whole address that begins with https://", flag, text)
}

// body is the descriptor that is sent.
func (c *addonUpdate) body() (json.RawMessage, error) {
	data, err := manifest.ReadFile(c.descriptor)
	if err != nil {
		return nil, fmt.Errorf("the file can't be read: %w", err)
	}
	descriptor, err := connect.ParseDescriptor(data)
	if err != nil {
		return nil, fmt.Errorf("it should be the app's atlassian-connect.json: %w", err)
	}
	if c.forgeAppLink != "" {
		descriptor = descriptor.WithForgeAppLink(c.forgeAppLink)
	}
	if err := descriptor.Validate(); err != nil {
		return nil, err
	}
	return json.Marshal(descriptor)
}

func newAddonDeleteCommand(inv *invocation) *cobra.Command {
	var yes bool
	command := inv.workspaceVerb(&cobra.Command{
		Use: "delete", Short: "Remove the app from one workspace. Needs --yes.", Args: takes(),
		Example: "  linkersync addon delete --installation UUID --yes",
	}, func(client *bitbucket.Client, workspace string, _ []string) error {
		if err := client.DeleteAddon(inv.ctx); err != nil {
			return fmt.Errorf("remove the app: %w", err)
		}
		return inv.done("removed the app from %s", workspace)
	})
	command.PreRunE = func(command *cobra.Command, _ []string) error {
		if !yes {
			return usage("this removes the app from workspace %q for good, since Connect apps can't be installed any more: add --yes if that is meant", command.Flag("installation").Value)
		}
		return nil
	}
	command.Flags().BoolVar(&yes, "yes", false, "Yes, remove the app: the workspace loses it, and new Connect installs are not possible any more.")
	return command
}

// newAddonTokenCommand shows that the grant works; the token stays here.
func newAddonTokenCommand(inv *invocation) *cobra.Command {
	return inv.workspaceVerb(&cobra.Command{
		Use: "token", Short: "Trade the installation's JWT for an OAuth access token, and say how long it lives.", Args: takes(),
		Example: "  linkersync addon token --installation UUID",
	}, func(client *bitbucket.Client, _ string, _ []string) error {
		token, err := client.AccessToken(inv.ctx)
		if err != nil {
			return fmt.Errorf("ask for an access token: %w", err)
		}
		return inv.print(map[string]any{"expires_in_seconds": int(token.ExpiresIn.Seconds())}, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "Bitbucket granted an access token for %s; it is not shown\n", token.ExpiresIn)
		})
	})
}

// label is how a person recognises an installation.
func label(in installation.Installation) string {
	if in.Principal.DisplayName != "" {
		return in.Principal.DisplayName + " " + string(in.Principal.UUID)
	}
	return in.ClientKey
}
