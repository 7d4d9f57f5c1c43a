package cli

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/installation"
)

func newInstallationsCommand(inv *invocation) *cobra.Command {
	return newGroup("installations", "Who has the app: list, show, import, add, purge.",
		newInstallationsListCommand(inv), newInstallationsShowCommand(inv), newInstallationsImportCommand(inv),
		newInstallationsAddCommand(inv), newInstallationsPurgeCommand(inv))
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
		ClientKey: in.ClientKey, Workspace: string(in.Principal.UUID), Name: in.Principal.DisplayName, Type: in.Principal.Type,
		State: in.State, InstalledAt: in.InstalledAt, UpdatedAt: in.UpdatedAt,
	}
}

func newInstallationsListCommand(inv *invocation) *cobra.Command {
	var state string
	command := &cobra.Command{
		Use: "list", Short: "List who has, or had, the app.", Args: takes(),
		Long: "With --json it prints one document a line.",
		Example: `  linkersync installations list
  linkersync installations list --state installed --json | jq -r .client_key`,
		RunE: inv.verb(func([]string) error { return inv.listInstallations(state) }),
	}
	enumVar(command.Flags(), &state, "state", "any", "Only these.", "installed", "uninstalled", "any")
	return command
}

func (inv *invocation) listInstallations(state string) error {
	store, err := inv.session.Store(inv.ctx)
	if err != nil {
		return err
	}
	query := installation.Query{WithSecrets: true}
	if state != "any" {
		query.State = installation.State(state)
	}
	table := tabwriter.NewWriter(inv.process.Stdout, 0, 0, 2, ' ', 0)
	if !inv.json {
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
		if err := inv.printInstallation(table, viewOf(in)); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	if failed > 0 {
		return errReported
	}
	if count == 0 && !inv.json {
		_, _ = fmt.Fprintf(inv.process.Stdout, "%s; \"linkersync installations import\" brings an existing app's store along\n", inv.session.Nobody(inv.ctx))
	}
	return nil
}

func (inv *invocation) printInstallation(table io.Writer, view installationView) error {
	if inv.json {
		return inv.printLine(view)
	}
	_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", view.State, view.Workspace, platform.Printable(view.Name), view.UpdatedAt.Format(time.DateTime), view.ClientKey)
	return err
}

func newInstallationsShowCommand(inv *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "show KEY|UUID|NAME", Short: "Show one installation, without its secrets.", Args: takes("KEY|UUID|NAME"),
		Long:    "It takes what --installation takes, and the name of a workspace that has the app, which --installation does not: each workspace makes up its own name.",
		Example: "  linkersync installations show my-workspace",
		RunE:    inv.verb(func(args []string) error { return inv.showInstallation(args[0]) }),
	}
}

func (inv *invocation) showInstallation(name string) error {
	store, err := inv.session.Store(inv.ctx)
	if err != nil {
		return err
	}
	in, err := apply.One(inv.ctx, store, name)
	if errors.Is(err, installation.ErrNotFound) {
		in, err = apply.Named(inv.ctx, store, name)
	}
	if err != nil {
		return err
	}
	view := viewOf(in)
	return inv.print(view, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "client key    %s\nworkspace     %s\nname          %s\ntype          %s\nstate         %s\ninstalled at  %s\nupdated at    %s\n",
			view.ClientKey, view.Workspace, platform.Printable(view.Name), view.Type, view.State, view.InstalledAt.Format(time.RFC3339), view.UpdatedAt.Format(time.RFC3339))
	})
}
