package cli

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/tagged"
)

func newConnectionsCommand(inv *invocation) *cobra.Command {
	command := newGroup("connections", "Bitbucket connections in Infisical: list, show, export, ensure, rotate, delete, doctor.",
		newConnectionsListCommand(inv), newConnectionsShowCommand(inv), newConnectionsExportCommand(inv), newConnectionsEnsureCommand(inv),
		newConnectionsRotateCommand(inv), newConnectionsDeleteCommand(inv), newConnectionsDoctorCommand(inv))
	inv.optionFlags(command.PersistentFlags(), ofInfisical)
	return command
}

// infisical calls work with a client, and ends its login.
func (inv *invocation) infisical(work func(*infisical.Client) error) error {
	return inv.session.WithInfisical(inv.ctx, nil, inv.log, work)
}

// connectionView is a connection as people and scripts see it.
type connectionView struct {
	Name        string    `json:"name"`
	ProjectID   string    `json:"project_id,omitempty"`
	Email       string    `json:"email"`
	Description string    `json:"description"`
	ID          string    `json:"id"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"`
	// Owner is the mark's; Managed tells whether there is a mark.
	Owner   string `json:"owner,omitempty"`
	Managed bool   `json:"managed"`
	// LastWriter says who wrote the credentials, as far as the mark tells.
	LastWriter string `json:"last_writer"`
	// TokenExpires is the tagged secret's, and TokenSecret its name.
	TokenExpires time.Time `json:"token_expires_at,omitzero"`
	TokenSecret  string    `json:"token_secret,omitempty"`
}

func viewOfConnection(c infisical.Connection) connectionView {
	owner, ours := reconcile.ConnectionOwner(c.Description)
	return connectionView{
		Owner: owner, Managed: ours, LastWriter: reconcile.LastWriter(c),
		Name: c.Name, ProjectID: c.ProjectID, Email: c.Email, Description: c.Description,
		ID: c.ID, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

// of adds what the tagged secret says about the token.
func (v connectionView) of(tokens map[[2]string]tagged.Token) connectionView {
	token := tokens[[2]string{v.ProjectID, v.Name}]
	v.TokenSecret, v.TokenExpires = token.Secret, token.Expires
	return v
}

// ends says when the token ends.
func (v connectionView) ends() string {
	if v.TokenExpires.IsZero() {
		return "unknown"
	}
	return v.TokenExpires.Format(time.DateOnly)
}

// scope says in words where a connection is.
func (v connectionView) scope() string {
	if v.ProjectID == "" {
		return "(organization)"
	}
	return v.ProjectID
}

// projectFlag selects where a connection is.
func projectFlag(command *cobra.Command, value *string) {
	command.Flags().StringVar(value, "project", "", "The project's `ID`. Default: the connections of the organization.")
}

func newConnectionsListCommand(inv *invocation) *cobra.Command {
	var project string
	var orphans bool
	var files []string
	command := &cobra.Command{
		Use: "list", Short: "List the Bitbucket connections that Infisical has.", Args: takes(),
		Long: `A description that ends with "managed by linkersync · fp …" is one that linkersync keeps; the last part tells one token from another and gives neither away.`,
		Example: `  linkersync connections list
  linkersync connections list --orphans -f staging.yaml -f production.yaml
  linkersync connections list --project ID --json | jq -r '.results[].name'`,
		RunE: inv.verb(func([]string) error {
			wanted := func(infisical.Connection) bool { return true }
			if orphans {
				var err error
				if wanted, err = inv.orphan(files); err != nil {
					return err
				}
			}
			return inv.listConnections(project, wanted)
		}),
	}
	command.Flags().StringVar(&project, "project", "", "Only those of the project with this `ID`. Default: all that the identity may read.")
	command.Flags().BoolVar(&orphans, "orphans", false, "Only the app's own that neither a --file nor a tagged secret names any more.")
	command.Flags().StringArrayVarP(&files, "file", "f", nil, "A manifest whose connections are no orphans; may be repeated.")
	return command
}

func (inv *invocation) listConnections(project string, wanted func(infisical.Connection) bool) error {
	views := []connectionView{}
	tokens, err := inv.tagged()
	if err != nil {
		inv.say("the tagged secrets can't be read: " + err.Error())
	}
	err = inv.infisical(func(client *infisical.Client) error {
		listed, err := client.Connections(inv.ctx, project)
		for _, connection := range listed {
			if wanted(connection) {
				views = append(views, viewOfConnection(connection).of(tokens))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	inv.sumList(len(views), "%s that this identity may read.", platform.Counted(len(views), "Bitbucket connection"))
	return printAll(inv, views, func(w io.Writer) {
		if len(views) == 0 {
			return
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "NAME\tPROJECT\tEMAIL\tUPDATED\tTOKEN ENDS\tLAST WRITER\tDESCRIPTION")
		for _, v := range views {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", platform.Printable(v.Name), platform.Printable(v.scope()), platform.Printable(v.Email), v.UpdatedAt.Format(time.DateTime), v.ends(), platform.Printable(v.LastWriter), platform.Printable(v.Description))
		}
		_ = table.Flush() // like every other line for people
	})
}

func newConnectionsShowCommand(inv *invocation) *cobra.Command {
	var project string
	command := &cobra.Command{
		Use: "show NAME", Short: "Show one connection, who owns it, and what uses it.", Args: takes("NAME"),
		Example: `  linkersync connections show bitbucket-ci
  linkersync connections show bitbucket-ci --project ID --json |
    jq -r '.results[].id'`,
		RunE: inv.verb(func(args []string) error { return inv.showConnection(args[0], project) }),
	}
	projectFlag(command, &project)
	return command
}

func (inv *invocation) showConnection(name, project string) error {
	var view usedConnection
	tokens, err := inv.tagged()
	if err != nil {
		inv.say("the tagged secrets can't be read: " + err.Error())
	}
	err = inv.infisical(func(client *infisical.Client) error {
		connection, err := client.ConnectionByName(inv.ctx, name, project)
		if err != nil {
			return err
		}
		view = usedConnection{viewOfConnection(connection).of(tokens), viewOfUsage((&reconcile.Survey{API: client}).All(inv.ctx, connection))}
		return nil
	})
	if errors.Is(err, infisical.ErrNotFound) {
		return fmt.Errorf("%w; \"linkersync connections list\" shows the names, and for --project where each is", err)
	}
	if err != nil {
		return err
	}
	return inv.print(view, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "name         %s\nproject      %s\nemail        %s\ndescription  %s\nid           %s\ncreated at   %s\nupdated at   %s\nlast writer  %s\ntoken ends   %s\n",
			platform.Printable(view.Name), platform.Printable(view.scope()), platform.Printable(view.Email), platform.Printable(view.Description), view.ID,
			view.CreatedAt.Format(time.RFC3339), view.UpdatedAt.Format(time.RFC3339), platform.Printable(view.LastWriter), view.ends())
		view.write(w)
	})
}

func newConnectionsDeleteCommand(inv *invocation) *cobra.Command {
	var request reconcile.DeleteRequest
	var yes bool
	command := &cobra.Command{
		Use: "delete NAME", Short: "Delete one connection. Needs --yes.", Args: takes("NAME"),
		Long: "A connection that secret syncs or scans use can't be deleted; the error names those that can be read. One that isn't there is no failure.",
		Example: `  linkersync connections delete bitbucket-ci --yes
  linkersync connections delete by-hand --project ID --yes --unmanaged`,
		RunE: inv.verb(func(args []string) error {
			request.Name, request.Owner = args[0], inv.session.AppKey()
			if !yes {
				return usage("delete takes the connection %q from everything that uses it: add --yes if that is meant", request.Name)
			}
			return inv.deleteConnection(request)
		}),
	}
	projectFlag(command, &request.ProjectID)
	command.Flags().BoolVar(&yes, "yes", false, "Yes, delete it: secret syncs and scans can't use it any more.")
	command.Flags().BoolVar(&request.Unmanaged, "unmanaged", false, "Delete it even if linkersync did not make it, or another app owns it.")
	return command
}

func (inv *invocation) deleteConnection(request reconcile.DeleteRequest) error {
	var found bool
	err := inv.infisical(func(client *infisical.Client) error {
		was, there, err := reconcile.DeleteConnection(inv.ctx, client, request)
		if found = there; errors.Is(err, infisical.ErrInUse) {
			return fmt.Errorf("%w; it is used by %s", err, (&reconcile.Survey{API: client}).All(inv.ctx, was).Names())
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !found:
		return inv.done("there is no connection %s, nothing was deleted", request.Name)
	}
	return inv.done("deleted the connection %s", request.Name)
}
