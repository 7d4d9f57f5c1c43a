package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/action/internal/status"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/tagged"
	"github.com/linkersync/linkersync/shared/transport"
)

// refreshEvery is how often a served page looks again: a look reads every workspace.
const refreshEvery = time.Minute

// runsEvery is how often it looks at the runs: a few reads of the table.
const runsEvery = 3 * time.Second

func newStatusCommand(inv *invocation) *cobra.Command {
	var file string
	var all, serve bool
	command := &cobra.Command{
		Use: "status", Short: "Show what is in order, what isn't, and what to do.", Args: takes(),
		Long: "It reads every workspace and Infisical, compares them with the manifest, and changes nothing. With --table it shows the runs and a stop, with the queues' URLs the dead letters.",
		Example: `  linkersync status
  linkersync status --html status.html
  linkersync status --serve --timeout 8h`,
	}
	inv.optionFlags(command.Flags(), named("file", "parallel", "table", "dead_letters_url", "event_dead_letters_url"))
	command.Flags().Lookup("file").Shorthand = "f"
	inv.optionFlags(command.Flags(), ofInfisical)
	command.Flags().BoolVar(&all, "all", false, "Show every row of the lists.")
	command.Flags().StringVar(&file, "html", "", "Write a web page to this `FILE`. It is one file and asks no network.")
	command.Flags().BoolVar(&serve, "serve", false, "Show the page on this machine, and look again every minute, until --timeout or Ctrl-C.")
	command.MarkFlagsMutuallyExclusive("html", "serve")
	command.RunE = inv.verb(func([]string) error {
		switch {
		case serve:
			return inv.serveStatus()
		case file != "":
			return inv.writeStatusPage(file)
		}
		report := inv.status(inv.ctx)
		if inv.json {
			return inv.statusDocument(report)
		}
		return report.WriteText(inv.process.Stdout, inv.colour(), all)
	})
	return command
}

// statusDocument hands on the report for a script.
func (inv *invocation) statusDocument(report status.Report) error {
	for _, message := range report.Errors {
		inv.problems.Add(document.Problem{Message: message}, "")
	}
	inv.summary = report.Whole()
	return printAll(inv, report.Results(), nil)
}

func (inv *invocation) writeStatusPage(file string) error {
	report := inv.status(inv.ctx)
	page, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) //nolint:gosec // G302: a page for others to read, which holds no secret
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if err := errors.Join(report.WriteHTML(page), page.Close()); err != nil {
		return fmt.Errorf("write the page to %s: %w", file, err)
	}
	return inv.done("%s is written. %s", file, report.Summary().Sentence)
}

// serveStatus shows the page until the context ends, which is how it is meant to end.
func (inv *invocation) serveStatus() error {
	report := inv.status(inv.ctx)
	server, err := status.Listen(inv.ctx, report)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(inv.process.Stdout, "Open %s\nIt looks again every minute. Ctrl-C ends it.\n", server.URL); err != nil {
		return fmt.Errorf("write the address: %w", err)
	}
	go inv.refresh(server, report)
	return server.Serve(inv.ctx)
}

// refresh looks at everything each minute, and at the deployment alone every few seconds:
// so the page follows a run as it goes.
func (inv *invocation) refresh(server *status.Server, report status.Report) {
	for looked := inv.process.Now(); transport.Sleep(inv.ctx, runsEvery) == nil; {
		if now := inv.process.Now(); now.Sub(looked) >= refreshEvery {
			report, looked = inv.status(inv.ctx), now
			server.Show(report)
			continue
		}
		next := report
		next.Runs, next.At = nil, inv.process.Now()
		next.Installations = slices.Clone(report.Installations)
		if err := inv.statusOfDeployment(inv.ctx, &next); err == nil && !reflect.DeepEqual(next.Runs, report.Runs) {
			report = next
			server.Show(report)
		}
	}
}

// status collects the report. What can't be read is an error in the report: the rest
// is shown all the same.
func (inv *invocation) status(ctx context.Context) status.Report {
	report := status.Report{At: inv.process.Now(), Endpoints: status.Endpoints{Health: status.Unknown}}
	fail := func(err error) {
		if err != nil {
			report.Errors = append(report.Errors, platform.Printable(err.Error()))
		}
	}
	desired, err := inv.session.Load(ctx, inv.options.File, inv.process.Stdin)
	fail(wrongManifest(err))
	report.App = inv.session.AppKey()
	fail(inv.statusOfInstallations(ctx, desired, &report))
	fail(inv.statusOfDeployment(ctx, &report))
	fail(inv.statusOfConnections(ctx, desired, &report))
	return report
}

// statusOfInstallations lists who has, or had, the app, and compares each workspace
// that has it with the manifest's linkers.
func (inv *invocation) statusOfInstallations(ctx context.Context, desired manifest.Manifest, report *status.Report) error {
	if report.App == "" {
		return nil
	}
	store, err := inv.session.Store(ctx)
	if err != nil {
		return err
	}
	at := map[string]int{}
	// A workspace's name is kept with its secret; the comparison reads it, too.
	query := installation.Query{WithSecrets: len(desired.Linkers) == 0}
	for in, err := range store.All(ctx, query) {
		if err != nil {
			return err
		}
		at[in.ClientKey] = len(report.Installations)
		report.Installations = append(report.Installations, status.Installation{
			Workspace: string(in.Principal.UUID), Name: platform.Printable(in.Principal.DisplayName), ClientKey: in.ClientKey,
			State: string(in.State), Linkers: status.Unknown, Updated: in.UpdatedAt,
		})
	}
	if len(desired.Linkers) == 0 || len(at) == 0 {
		return nil
	}
	linkersOnly := desired
	linkersOnly.Connections, linkersOnly.Syncs = nil, nil
	work := setup.Work{Log: inv.log, Installation: apply.All}
	return inv.session.Run(ctx, linkersOnly, work, func(part apply.Part) error {
		if part.Plan.Installation == nil { // the endpoints are suspected to be gone
			report.Endpoints = status.Endpoints{Health: status.Failed, Detail: part.Failures[0].Err.Error()}
			return nil
		}
		if i, listed := at[part.Plan.Installation.ClientKey]; listed {
			row := &report.Installations[i]
			row.Name = platform.Printable(part.Plan.Installation.Name)
			row.Linkers, row.Detail = healthOf(part)
			if row.Linkers == status.OK || row.Linkers == status.Attention {
				report.Endpoints.Health = status.OK // they have just answered
			}
		}
		return nil
	})
}

// healthOf tells how a workspace compares with the manifest, and what differs.
func healthOf(part apply.Part) (status.Health, string) {
	if len(part.Failures) > 0 {
		return status.Failed, platform.Printable(part.Failures[0].Err.Error())
	}
	var differences []string
	for _, linker := range part.Plan.Linkers {
		if linker.Changed() {
			differences = append(differences, fmt.Sprintf("linker %s: %d to add, %d to remove", linker.Linker, len(linker.Add), len(linker.Remove)))
		}
	}
	if len(differences) > 0 {
		return status.Attention, strings.Join(differences, "; ")
	}
	return status.OK, ""
}

// statusOfConnections compares the manifest's connections with Infisical.
func (inv *invocation) statusOfConnections(ctx context.Context, desired manifest.Manifest, report *status.Report) error {
	if len(desired.Connections) == 0 {
		return nil
	}
	connectionsOnly := desired
	connectionsOnly.Linkers, connectionsOnly.Syncs = nil, nil
	plans := map[string]reconcile.ConnectionPlan{}
	users := map[string][]status.User{}
	look := func(client *infisical.Client) error {
		survey := &reconcile.Survey{API: client}
		for key, planned := range plans {
			if planned.ID != "" {
				users[key] = usersOf(ctx, survey, planned.ID, planned.ProjectID)
			}
		}
		return nil
	}
	err := inv.session.Run(ctx, connectionsOnly, setup.Work{Log: inv.log, Look: look}, func(part apply.Part) error {
		for _, planned := range part.Plan.Connections {
			plans[planned.ProjectID+"/"+planned.Name] = planned
		}
		return nil
	})
	for _, connection := range desired.Connections {
		key := connection.ProjectID + "/" + connection.Name
		planned, read := plans[key]
		text, _ := inv.expiryBeside(ctx, connection.Token)
		expires, _ := tagged.ParseExpiry(text) // zero when nothing can be read; "connections doctor" says why
		row := status.Connection{
			Name: connection.Name, Project: connection.ProjectID, Email: connection.Email, Owner: planned.Owner,
			Health: status.OK, Users: users[key], Expires: expires,
		}
		switch {
		case !read:
			row.Health, row.Detail = status.Unknown, "it could not be read"
		case planned.Error != "":
			row.Health, row.Detail = status.Failed, platform.Printable(planned.Error)
		case planned.Changed():
			row.Health, row.Detail = status.Attention, detailOf(planned)
		}
		report.Connections = append(report.Connections, row)
	}
	return err
}

func detailOf(planned reconcile.ConnectionPlan) string {
	if len(planned.Fields) == 0 {
		return fmt.Sprintf("apply would %s it", planned.Action)
	}
	return fmt.Sprintf("apply would %s it: %s", planned.Action, strings.Join(planned.Fields, ", "))
}
