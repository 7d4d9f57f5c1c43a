package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
)

// connectionsCommand holds the verbs on Infisical's Bitbucket connections.
type connectionsCommand struct {
	List   connectionsListCommand   `cmd:"" help:"List the Bitbucket connections that Infisical has."`
	Show   connectionsShowCommand   `cmd:"" help:"Show one connection."`
	Ensure connectionsEnsureCommand `cmd:"" help:"Bring connections to what the manifest says, and nothing else of it."`
	Rotate connectionsRotateCommand `cmd:"" help:"Write a connection's credentials anew, from the manifest's reference."`
	Delete connectionsDeleteCommand `cmd:"" help:"Delete one connection. Needs --yes."`
	Doctor connectionsDoctorCommand `cmd:"" help:"Check the login, what it may read, the tokens at Bitbucket and the connections; change nothing."`
}

// infisical calls work with a client, and ends its login.
func (inv *invocation) infisical(work func(*infisical.Client) error) error {
	client, err := inv.session.Infisical(inv.ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err := client.Revoke(inv.ctx); err != nil {
			inv.log.WarnContext(inv.ctx, "infisical login not revoked, it ends by itself", slog.String("error", err.Error()))
		}
	}()
	return work(client)
}

// checkToken asks Bitbucket about a token.
func (inv *invocation) checkToken(ctx context.Context, email string, token redact.Secret) error {
	return bitbucket.CheckToken(ctx, &http.Client{Transport: inv.session.HTTP()}, inv.session.BitbucketURL(), email, token)
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
}

func viewOfConnection(c infisical.Connection) connectionView {
	return connectionView{
		Name: c.Name, ProjectID: c.ProjectID, Email: c.Email, Description: c.Description,
		ID: c.ID, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

// scope says in words where a connection is.
func (v connectionView) scope() string {
	if v.ProjectID == "" {
		return "(organization)"
	}
	return v.ProjectID
}

// printable keeps what others wrote from steering the terminal or the table.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// projectFlag selects where a connection is.
type projectFlag struct {
	Project string `help:"The project's ID. Default: the connections of the organization." placeholder:"ID"`
}

type connectionsListCommand struct {
	Project string `help:"Only those of the project with this ID. Default: all that the identity may read." placeholder:"ID"`
}

// Help implements kong.HelpProvider.
func (connectionsListCommand) Help() string {
	return `A description that ends with "managed by linkersync · fp …" is one that linkersync keeps; the last part tells one token from another and gives neither away.

Examples:
  linkersync connections list
  linkersync connections list --project aaaaaaaa-0000-4000-8000-000000000001 --json | jq -r '.[].name'`
}

// Run implements the verb.
func (c *connectionsListCommand) Run(inv *invocation) error {
	views := []connectionView{}
	err := inv.infisical(func(client *infisical.Client) error {
		listed, err := client.Connections(inv.ctx, c.Project)
		for _, connection := range listed {
			views = append(views, viewOfConnection(connection))
		}
		return err
	})
	if err != nil {
		return err
	}
	return inv.print(views, func(w io.Writer) {
		if len(views) == 0 {
			_, _ = fmt.Fprintln(w, "there are no Bitbucket connections that this identity may read")
			return
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "NAME\tPROJECT\tEMAIL\tUPDATED\tDESCRIPTION")
		for _, v := range views {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", printable(v.Name), printable(v.scope()), printable(v.Email), v.UpdatedAt.Format(time.DateTime), printable(v.Description))
		}
		_ = table.Flush() // like every other line for people
	})
}

type connectionsShowCommand struct {
	projectFlag
	Name string `arg:"" help:"The connection's name."`
}

// Help implements kong.HelpProvider.
func (connectionsShowCommand) Help() string {
	return `Examples:
  linkersync connections show bitbucket-ci
  linkersync connections show bitbucket-ci --project aaaaaaaa-0000-4000-8000-000000000001 --json | jq -r .id`
}

// Run implements the verb.
func (c *connectionsShowCommand) Run(inv *invocation) error {
	var view connectionView
	err := inv.infisical(func(client *infisical.Client) error {
		connection, err := client.ConnectionByName(inv.ctx, c.Name, c.Project)
		view = viewOfConnection(connection)
		return err
	})
	if err != nil {
		return err
	}
	return inv.print(view, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "name         %s\nproject      %s\nemail        %s\ndescription  %s\nid           %s\ncreated at   %s\nupdated at   %s\n",
			printable(view.Name), printable(view.scope()), printable(view.Email), printable(view.Description), view.ID,
			view.CreatedAt.Format(time.RFC3339), view.UpdatedAt.Format(time.RFC3339))
	})
}

type connectionsDeleteCommand struct {
	projectFlag
	Name      string `arg:"" help:"The connection's name."`
	Yes       bool   `help:"Yes, delete it: secret syncs and scans can't use it any more."`
	Unmanaged bool   `help:"Delete it even if linkersync did not make it."`
}

// Help implements kong.HelpProvider.
func (connectionsDeleteCommand) Help() string {
	return `A connection that secret syncs or scans use can't be deleted; Infisical's answer says so. One that isn't there is no failure.

Examples:
  linkersync connections delete bitbucket-ci --yes
  linkersync connections delete by-hand --project aaaaaaaa-0000-4000-8000-000000000001 --yes --unmanaged`
}

// Run implements the verb.
func (c *connectionsDeleteCommand) Run(inv *invocation) error {
	if !c.Yes {
		return usage("delete takes the connection %q from everything that uses it: add --yes if that is meant", c.Name)
	}
	var found bool
	err := inv.infisical(func(client *infisical.Client) (err error) {
		_, found, err = reconcile.DeleteConnection(inv.ctx, client, reconcile.DeleteRequest{Name: c.Name, ProjectID: c.Project, Unmanaged: c.Unmanaged})
		return err
	})
	switch {
	case err != nil:
		return err
	case !found:
		return inv.done("there is no connection %s, nothing was deleted", c.Name)
	}
	return inv.done("deleted the connection %s", c.Name)
}
