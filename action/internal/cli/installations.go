package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/document"
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

// installationsList are the flags of installations list.
type installationsList struct{ state, match string }

func newInstallationsListCommand(inv *invocation) *cobra.Command {
	c := &installationsList{}
	command := &cobra.Command{
		Use: "list", Short: "List who has, or had, the app.", Args: takes(),
		Long: "With --json each has its client key, too.",
		Example: `  linkersync installations list --match acme
  linkersync installations list --state installed --json |
    jq -r '.results[].client_key'`,
		RunE: inv.verb(func([]string) error { return c.run(inv) }),
	}
	enumVar(command.Flags(), &c.state, "state", "any", "Only these.", "installed", "uninstalled", "any")
	command.Flags().StringVar(&c.match, "match", "", "Only those with this `TEXT` in the name, UUID or client key.")
	return command
}

// wants tells whether the list has the installation.
func (c *installationsList) wants(in installation.Installation) bool {
	wanted := strings.ToLower(c.match)
	return slices.ContainsFunc([]string{in.Principal.DisplayName, string(in.Principal.UUID), in.ClientKey}, func(text string) bool {
		return strings.Contains(strings.ToLower(text), wanted)
	})
}

func (c *installationsList) run(inv *invocation) error {
	store, err := inv.session.Store(inv.ctx)
	if err != nil {
		return err
	}
	query := installation.Query{WithSecrets: true}
	if c.state != "any" {
		query.State = installation.State(c.state)
	}
	count, failed := map[installation.State]int{}, 0
	for in, err := range store.All(inv.ctx, query) {
		if err != nil && in.ClientKey == "" {
			return err
		}
		if err != nil {
			failed++
			inv.fail(document.Problem{What: "installation"}, "", err)
			continue
		}
		if !c.wants(in) {
			continue
		}
		if len(count) == 0 && !inv.json {
			inv.printRow("STATE", "WORKSPACE", "NAME", "UPDATED")
		}
		count[in.State]++
		if err := inv.printInstallation(viewOf(in)); err != nil {
			return err
		}
	}
	c.sum(inv, count, failed)
	return inv.reported()
}

// sum is the list's last line.
func (c *installationsList) sum(inv *invocation, count map[installation.State]int, failed int) {
	installed, uninstalled := count[installation.Installed], count[installation.Uninstalled]
	line := fmt.Sprintf("%s: %d installed, %d uninstalled", platform.Counted(installed+uninstalled, "installation"), installed, uninstalled)
	switch {
	case failed > 0:
		line += fmt.Sprintf("; %d could not be read", failed)
	case installed+uninstalled == 0 && c.match != "":
		line = fmt.Sprintf("No installation has %q in its name, UUID or client key.", c.match)
	case installed+uninstalled == 0:
		line = inv.session.Nobody(inv.ctx) + ";\n\"linkersync installations import\" brings an existing app's store along"
	}
	inv.sum(map[string]int{"installed": installed, "uninstalled": uninstalled}, "%s", line)
}

func (inv *invocation) printInstallation(view installationView) error {
	return inv.print(view, func(io.Writer) {
		inv.printRow(string(view.State), strings.Trim(view.Workspace, "{}"), platform.Printable(view.Name), view.UpdatedAt.Format(time.DateOnly))
	})
}

// printRow prints one line of the list, of at most 80 columns.
func (inv *invocation) printRow(state, workspace, name, updated string) {
	const width = 17
	if runes := []rune(name); len(runes) > width {
		name = string(runes[:width-1]) + "…"
	}
	_, _ = fmt.Fprintf(inv.process.Stdout, "%-11s  %-36s  %-*s  %s\n", state, workspace, width, name, updated)
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
