package cli

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/transport"
)

func newSyncsCommand(inv *invocation) *cobra.Command {
	command := newGroup("syncs", "Secret syncs to Bitbucket in Infisical: list, export, delete.",
		newSyncsListCommand(inv), newSyncsExportCommand(inv), newSyncsDeleteCommand(inv))
	inv.optionFlags(command.PersistentFlags(), ofInfisical)
	return command
}

// listedSync is a sync as people and scripts see it.
type listedSync struct {
	syncView
	ID          string `json:"id"`
	Environment string `json:"environment"`
	SecretPath  string `json:"secret_path"`
	Connection  string `json:"connection"`
	// Target is the repository, and its deployment environment if there is one.
	Target string `json:"target"`
	// Owner is the mark's; Managed tells whether there is a mark.
	Owner   string `json:"owner,omitempty"`
	Managed bool   `json:"managed"`
}

func viewOfSync(s infisical.Sync) listedSync {
	owner, ours := reconcile.SyncOwner(s.Description)
	view := listedSync{
		syncView: syncView{s.Name, s.ProjectID, s.Workspace + "/" + s.Repository, s.Status, s.Message, s.SyncedAt},
		ID:       s.ID, Environment: s.Environment, SecretPath: s.SecretPath, Connection: s.ConnectionName,
		Target: s.Workspace + "/" + s.Repository, Owner: owner, Managed: ours,
	}
	if s.DeploymentEnvironment != "" {
		view.Target += " " + s.DeploymentEnvironment
	}
	return view
}

// inProjects calls work with the project that was named, or with each that the identity
// is in. One that fails keeps no other from being read.
func (inv *invocation) inProjects(project string, work func(client *infisical.Client, project string) error) error {
	return inv.infisical(func(client *infisical.Client) error {
		projects := []infisical.Project{{ID: project}}
		if project == "" {
			var err error
			if projects, err = client.Projects(inv.ctx, infisical.SecretManager); err != nil {
				return err
			}
		}
		for _, one := range projects {
			if err := work(client, one.ID); err != nil {
				inv.fail(document.Problem{What: "syncs", Place: "project"}, one.ID, err)
			}
		}
		return inv.reported()
	})
}

const allProjects = "Only those of the project with this `ID`. Default: all projects that the identity is in."

func newSyncsListCommand(inv *invocation) *cobra.Command {
	var project string
	command := &cobra.Command{
		Use: "list", Short: "List the secret syncs to Bitbucket, and how their last runs ended.", Args: takes(),
		Example: `  linkersync syncs list
  linkersync syncs list --project ID --json |
    jq -r '.results[] | select(.status == "failed") | .name'`,
		RunE: inv.verb(func([]string) error { return inv.listSyncs(project) }),
	}
	command.Flags().StringVar(&project, "project", "", allProjects)
	return command
}

func (inv *invocation) listSyncs(project string) error {
	views := []listedSync{}
	unread := inv.inProjects(project, func(client *infisical.Client, project string) error {
		listed, err := client.Syncs(inv.ctx, project)
		for _, sync := range listed {
			views = append(views, viewOfSync(sync))
		}
		return err
	})
	inv.sumList(len(views), "%s that this identity may read.", platform.Counted(len(views), "Bitbucket sync"))
	err := printAll(inv, views, func(w io.Writer) {
		if len(views) == 0 {
			return
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "NAME\tPROJECT\tTARGET\tCONNECTION\tSTATUS\tLAST SUCCESS\tOWNER")
		for _, v := range views {
			succeeded := "never"
			if !v.SyncedAt.IsZero() {
				succeeded = v.SyncedAt.Format(time.DateTime)
			}
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", platform.Printable(v.Name), platform.Printable(v.ProjectID), platform.Printable(v.Target),
				platform.Printable(v.Connection), platform.Printable(v.Status), succeeded, platform.Printable(v.Owner))
		}
		_ = table.Flush() // like every other line for people
	})
	return errors.Join(err, unread)
}

func newSyncsExportCommand(inv *invocation) *cobra.Command {
	var project string
	command := &cobra.Command{
		Use: "export", Short: "Write the secret syncs that Infisical has as a manifest.", Args: takes(),
		Long:    "A plan of the manifest finds nothing to change. Syncs that linkersync did not make are in it, too, and stay as they are.",
		Example: "  linkersync syncs export --project ID > syncs.yaml",
		RunE:    inv.verb(func([]string) error { return inv.exportSyncs(project) }),
	}
	command.Flags().StringVar(&project, "project", "", allProjects)
	return command
}

func (inv *invocation) exportSyncs(project string) error {
	if inv.json {
		return usage("export writes a manifest, which is YAML: leave --json out")
	}
	exported := manifest.Manifest{App: inv.session.AppKey()}
	err := inv.inProjects(project, func(client *infisical.Client, project string) error {
		syncs, left, err := reconcile.ExportSyncs(inv.ctx, client, project)
		for _, one := range left {
			inv.say(fmt.Sprintf("left out: sync %s", one))
		}
		exported.Syncs = append(exported.Syncs, syncs...)
		return err
	})
	if err != nil {
		return err // half a manifest would pass for the whole
	}
	return inv.writeManifest(exported)
}

func newSyncsDeleteCommand(inv *invocation) *cobra.Command {
	request := reconcile.SyncDeletion{Sleep: transport.Sleep}
	var yes bool
	command := &cobra.Command{
		Use: "delete NAME", Short: "Delete one secret sync. Needs --yes.", Args: takes("NAME"),
		Long: "The variables stay in Bitbucket, unless --remove-variables is given. One that isn't there is no failure.",
		Example: `  linkersync syncs delete app --project ID --yes
  linkersync syncs delete app --project ID --yes --remove-variables`,
		RunE: inv.verb(func(args []string) error {
			request.Name, request.Owner = args[0], inv.session.AppKey()
			if !yes {
				return usage("delete ends the sync %q, and %s: add --yes if that is meant", request.Name, afterwards(request.RemoveVariables))
			}
			return inv.deleteSync(request)
		}),
	}
	command.Flags().StringVar(&request.ProjectID, "project", "", "The project's `ID`.")
	required(command, "project")
	command.Flags().BoolVar(&yes, "yes", false, "Yes, delete it.")
	command.Flags().BoolVar(&request.RemoveVariables, "remove-variables", false, "Delete its variables from Bitbucket first, and wait for that, up to 5 minutes.")
	command.Flags().BoolVar(&request.Unmanaged, "unmanaged", false, "Delete it even if linkersync did not make it, or another app owns it.")
	return command
}

// afterwards says what a delete does to the variables.
func afterwards(removed bool) string {
	if removed {
		return "deletes from Bitbucket the variables that Infisical has secrets for"
	}
	return "leaves its variables in Bitbucket"
}

func (inv *invocation) deleteSync(request reconcile.SyncDeletion) error {
	var found bool
	var was infisical.Sync
	request.Progress = func(status string) { inv.say(request.Name + ": " + status) }
	err := inv.infisical(func(client *infisical.Client) (err error) {
		was, found, err = reconcile.DeleteSync(inv.ctx, client, request)
		return err
	})
	target := was.Workspace + "/" + was.Repository
	switch {
	case err != nil:
		return err
	case !found:
		return inv.done("There is no sync %s, so nothing was deleted.", request.Name)
	case request.RemoveVariables:
		return inv.done("Deleted the sync %s, and from %s the variables that Infisical has secrets for.", request.Name, target)
	}
	return inv.done("Deleted the sync %s; its variables stay in %s.", request.Name, target)
}
