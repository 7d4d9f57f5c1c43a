package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/linkersync/linkersync/action/internal/runner"
	"github.com/linkersync/linkersync/shared/installation"
)

// installationsCommand holds the verbs on the store.
type installationsCommand struct {
	List installationsListCommand `cmd:"" help:"List who has, or had, the app."`
	Show installationsShowCommand `cmd:"" help:"Show one installation, without its secrets."`
}

// installationView is an installation as people and scripts see it: never with a
// secret.
type installationView struct {
	ClientKey   string             `json:"client_key"`
	Workspace   string             `json:"workspace"`
	Name        string             `json:"name,omitempty"`
	Type        string             `json:"type,omitempty"`
	State       installation.State `json:"state"`
	InstalledAt time.Time          `json:"installed_at,omitzero"`
	UpdatedAt   time.Time          `json:"updated_at,omitzero"`
}

func viewOf(in installation.Installation) installationView {
	return installationView{
		ClientKey: in.ClientKey, Workspace: in.Principal.UUID, Name: in.Principal.DisplayName, Type: in.Principal.Type,
		State: in.State, InstalledAt: in.InstalledAt, UpdatedAt: in.UpdatedAt,
	}
}

type installationsListCommand struct {
	State string `help:"Only these." enum:"installed,uninstalled,any" default:"any"`
}

// Help implements kong.HelpProvider.
func (installationsListCommand) Help() string {
	return `Examples:
  linkersync installations list
  linkersync installations list --state installed --json | jq -r .client_key

With --json it prints one document a line.`
}

// Run implements the verb.
func (c *installationsListCommand) Run(inv *invocation) error {
	store, err := inv.session.Store(inv.ctx)
	if err != nil {
		return err
	}
	query := installation.Query{WithSecrets: true}
	if c.State != "any" {
		query.State = installation.State(c.State)
	}
	table := tabwriter.NewWriter(inv.process.Stdout, 0, 0, 2, ' ', 0)
	if !inv.line.JSON {
		_, _ = fmt.Fprintln(table, "STATE\tWORKSPACE\tNAME\tUPDATED\tCLIENT KEY")
	}
	count, failed := 0, 0
	for in, err := range store.All(inv.ctx, query) {
		if err != nil && in.ClientKey == "" {
			return err
		}
		if err != nil {
			failed++
			_, _ = fmt.Fprintf(inv.process.Stderr, "linkersync: %v\n", err)
			continue
		}
		count++
		if err := c.print(inv, table, viewOf(in)); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	if failed > 0 {
		return errReported
	}
	if count == 0 && !inv.line.JSON {
		_, _ = fmt.Fprintln(inv.process.Stdout, "nobody has the app; \"linkersync installations import\" brings an existing app's store along")
	}
	return nil
}

func (c *installationsListCommand) print(inv *invocation, table io.Writer, view installationView) error {
	if inv.line.JSON {
		return json.NewEncoder(inv.process.Stdout).Encode(view)
	}
	_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", view.State, view.Workspace, view.Name, view.UpdatedAt.Format(time.DateTime), view.ClientKey)
	return err
}

type installationsShowCommand struct {
	Installation string `arg:"" help:"Client key, or the workspace's UUID or name."`
}

// Run implements the verb.
func (c *installationsShowCommand) Run(inv *invocation) error {
	store, err := inv.session.Store(inv.ctx)
	if err != nil {
		return err
	}
	in, err := runner.One(inv.ctx, store, c.Installation)
	if err != nil {
		return err
	}
	view := viewOf(in)
	return inv.print(view, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "client key    %s\nworkspace     %s\nname          %s\ntype          %s\nstate         %s\ninstalled at  %s\nupdated at    %s\n",
			view.ClientKey, view.Workspace, view.Name, view.Type, view.State, view.InstalledAt.Format(time.RFC3339), view.UpdatedAt.Format(time.RFC3339))
	})
}
