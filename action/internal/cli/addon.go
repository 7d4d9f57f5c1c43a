package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/action/internal/journal"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
)

// addonCommand holds the verbs on the app itself.
type addonCommand struct {
	Update addonUpdateCommand `cmd:"" help:"Make Bitbucket take the app's descriptor anew; lead workspaces on to a Forge app."`
	Delete addonDeleteCommand `cmd:"" help:"Remove the app from one workspace. Needs --yes."`
	Token  addonTokenCommand  `cmd:"" help:"Trade the installation's JWT for an OAuth access token, and say how long it lives."`
}

type addonUpdateCommand struct {
	Installation  string `help:"all, a client key, or a workspace's UUID or name." required:"" env:"LINKERSYNC_INSTALLATION" placeholder:"all|KEY|WORKSPACE"`
	Descriptor    string `help:"Send this descriptor file." type:"existingfile" placeholder:"FILE" xor:"what"`
	DescriptorURL string `help:"Make Bitbucket read this URL, which must be the registered one." name:"descriptor-url" placeholder:"URL" xor:"what"`
	ForgeAppLink  string `help:"Write this link to your Forge app into the descriptor that is sent." name:"forge-app-link" placeholder:"URL"`
	Parallel      int    `help:"How many workspaces at a time." default:"4"`
	Journal       string `help:"Remember here which workspaces are done; the same command with the same file goes on where it stopped." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (addonUpdateCommand) Help() string {
	return `Without --descriptor and --descriptor-url, Bitbucket reads the registered descriptor again.

Examples:
  linkersync addon update --installation all --journal moved.jsonl
  linkersync addon update --installation all --descriptor atlassian-connect.json \
    --forge-app-link https://developer.atlassian.com/console/install/… --journal moved.jsonl`
}

// updated is what became of one workspace; one JSON document a line with --json.
type updated struct {
	ClientKey string `json:"client_key"`
	Workspace string `json:"workspace"`
	Error     string `json:"error,omitempty"`
}

// Run implements the verb.
func (c *addonUpdateCommand) Run(inv *invocation) error {
	update, err := c.request()
	if err != nil {
		return err
	}
	done, err := journal.Open(c.Journal)
	if err != nil {
		return err
	}
	defer done.Close()
	var group errgroup.Group
	group.SetLimit(max(1, c.Parallel))
	report := &report{inv: inv, done: done}
	for in, err := range inv.session.Installations(inv.ctx, c.Installation) {
		if err != nil {
			report.failed = errors.Join(report.failed, err)
			break
		}
		if done.Has(in.ClientKey) {
			report.skipped++
			continue
		}
		group.Go(func() error {
			return report.add(in, update(inv.ctx, inv.session.Bitbucket(in)))
		})
	}
	err = group.Wait()
	return errors.Join(err, report.finish("updated"))
}

// request reads the files once and returns the call to make for each workspace.
func (c *addonUpdateCommand) request() (func(context.Context, *bitbucket.Client) error, error) {
	switch {
	case c.DescriptorURL != "" && c.ForgeAppLink != "":
		return nil, usage("--forge-app-link is written into a descriptor that is sent: give --descriptor, not --descriptor-url")
	case c.DescriptorURL != "":
		return func(ctx context.Context, client *bitbucket.Client) error {
			return client.UpdateAddonDescriptorURL(ctx, c.DescriptorURL)
		}, nil
	case c.Descriptor == "" && c.ForgeAppLink != "":
		return nil, usage("--forge-app-link is written into the descriptor: give that file with --descriptor")
	case c.Descriptor == "":
		return func(ctx context.Context, client *bitbucket.Client) error { return client.UpdateAddon(ctx) }, nil
	}
	data, err := os.ReadFile(c.Descriptor)
	if err != nil {
		return nil, fmt.Errorf("read descriptor: %w", err)
	}
	descriptor, err := connect.ParseDescriptor(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Descriptor, err)
	}
	if c.ForgeAppLink != "" {
		descriptor.ForgeAppLink = c.ForgeAppLink
	}
	if err := descriptor.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Descriptor, err)
	}
	body, err := json.Marshal(descriptor)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Descriptor, err)
	}
	return func(ctx context.Context, client *bitbucket.Client) error {
		return client.UpdateAddonDescriptor(ctx, body)
	}, nil
}

type addonDeleteCommand struct {
	workspaceFlags
	Yes bool `help:"Yes, remove the app: the workspace loses it, and new Connect installs are not possible any more."`
}

// Run implements the verb.
func (c *addonDeleteCommand) Run(inv *invocation) error {
	if !c.Yes {
		return usage("this removes the app from workspace %q for good, since Connect apps can't be installed any more: add --yes if that is meant", c.Installation)
	}
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	if err := client.DeleteAddon(inv.ctx); err != nil {
		return fmt.Errorf("remove the app: %w", err)
	}
	return inv.done("removed the app from %s", c.Installation)
}

type addonTokenCommand struct{ workspaceFlags }

// Run implements the verb. It shows that the grant works; the token stays here.
func (c *addonTokenCommand) Run(inv *invocation) error {
	client, err := c.client(inv)
	if err != nil {
		return err
	}
	token, err := client.AccessToken(inv.ctx)
	if err != nil {
		return fmt.Errorf("ask for an access token: %w", err)
	}
	return inv.print(map[string]any{"expires_in_seconds": int(token.ExpiresIn.Seconds())}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Bitbucket granted an access token for %s; it is not shown\n", token.ExpiresIn)
	})
}

// label is how a person recognises an installation.
func label(in installation.Installation) string {
	if in.Principal.DisplayName != "" {
		return in.Principal.DisplayName + " " + in.Principal.UUID
	}
	return in.ClientKey
}
