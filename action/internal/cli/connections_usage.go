package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/reconcile"
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

// say tells a person how work goes on; scripts read standard output.
func (inv *invocation) say(text string) {
	_, _ = fmt.Fprintln(inv.process.Stderr, platform.Printable(text))
}
