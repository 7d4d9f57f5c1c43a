package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/transport"
)

// usedConnection is a connection with what uses it.
type usedConnection struct {
	connectionView
	usageView
}

// usageView is what uses a connection, as people and scripts see it.
type usageView struct {
	Syncs       []syncView `json:"syncs"`
	DataSources []string   `json:"data_sources"`
	// Unknown says what can't be read: more may use the connection.
	Unknown []string `json:"unknown"`

	count string
}

type syncView struct {
	Name       string    `json:"name"`
	ProjectID  string    `json:"project_id"`
	Repository string    `json:"repository"`
	Status     string    `json:"status,omitempty"`
	Message    string    `json:"message,omitempty"`
	SyncedAt   time.Time `json:"synced_at,omitzero"`
}

func viewOfUsage(u reconcile.Usage) usageView {
	view := usageView{Syncs: []syncView{}, DataSources: []string{}, Unknown: append([]string{}, u.Unknown...), count: u.Count()}
	for _, s := range u.Syncs {
		view.Syncs = append(view.Syncs, syncView{s.Name, s.ProjectID, s.Workspace + "/" + s.Repository, s.Status, s.Message, s.SyncedAt})
	}
	for _, source := range u.Sources {
		view.DataSources = append(view.DataSources, source.Name)
	}
	return view
}

// names lists what uses the connection in one line.
func (v usageView) names() string {
	var names []string
	for _, s := range v.Syncs {
		names = append(names, fmt.Sprintf("the sync %q of project %s", s.Name, s.ProjectID))
	}
	for _, source := range v.DataSources {
		names = append(names, fmt.Sprintf("the data source %q", source))
	}
	if len(v.Unknown) > 0 {
		names = append(names, "and what can't be read: "+strings.Join(v.Unknown, "; "))
	}
	return strings.Join(names, ", ")
}

func (v usageView) write(w io.Writer) {
	_, _ = fmt.Fprintf(w, "used by      %s, data sources: %d\n", v.count, len(v.DataSources))
	for _, s := range v.Syncs {
		line := fmt.Sprintf("  sync %s to %s: %s", s.Name, s.Repository, s.Status)
		if s.Message != "" {
			line += " (" + s.Message + ")"
		}
		_, _ = fmt.Fprintln(w, platform.Printable(line))
	}
	for _, source := range v.DataSources {
		_, _ = fmt.Fprintln(w, platform.Printable("  data source "+source))
	}
	for _, unknown := range v.Unknown {
		_, _ = fmt.Fprintln(w, platform.Printable("  unknown: "+unknown))
	}
}

// runSyncs runs the syncs of the connections that were rotated, and waits for them.
func (inv *invocation) runSyncs(api *infisical.Client, results []reconcile.ConnectionResult) error {
	survey := &reconcile.Survey{API: api}
	for _, done := range results {
		if done.Error != "" || done.Action != reconcile.Rotate && done.Action != reconcile.Adopt {
			continue
		}
		problem := document.Problem{What: "connection " + done.Name}
		usage := survey.Syncs(inv.ctx, infisical.Connection{ID: done.ID, ProjectID: done.ProjectID})
		for _, err := range usage.Missed {
			inv.fail(problem, "", fmt.Errorf("not all of its syncs could be found and run: %w", err))
		}
		inv.say("%s: %s", done.Name, usage.Count()+" to run")
		pending, failed := reconcile.RunSyncs(inv.ctx, api, usage.Syncs, transport.Sleep, func(left int) {
			if left > 0 {
				inv.say("%s: %d not over yet", done.Name, left)
			}
		})
		for _, sync := range pending {
			inv.say("%s: sync %s is not over yet, \"linkersync connections show %s\" tells how it ends", done.Name, sync.Name, done.Name)
		}
		for _, failure := range failed {
			inv.fail(problem, "", failure)
		}
	}
	return inv.ctx.Err()
}

// say tells a person how work goes on; scripts read standard output.
func (inv *invocation) say(format string, args ...any) {
	_, _ = fmt.Fprintln(inv.process.Stderr, platform.Printable(fmt.Sprintf(format, args...)))
}
