package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
)

func newStopCommand(inv *invocation) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "Show whether linker updates wait or are stopped, since when and why.", Args: takes(),
		Example: "  linkersync stop show --table linkersync-Table-EXAMPLE",
		RunE:    inv.verb(func([]string) error { return inv.showStop() }),
	}
	clear := &cobra.Command{
		Use: "clear", Short: "Let linker updates go on.", Args: takes(),
		Long:    `It ends the suspicion that Bitbucket has removed the linker endpoints, and the stop that follows after a day. Messages that wait are worked on within a quarter of an hour. When the endpoints are still gone, the next update finds that out and the deployment waits again.`,
		Example: `  linkersync doctor && linkersync stop clear --table linkersync-Table-EXAMPLE`,
		RunE:    inv.verb(func([]string) error { return inv.clearStop() }),
	}
	for _, verb := range []*cobra.Command{show, clear} {
		inv.optionFlags(verb.Flags(), named("table"))
		required(verb, "table")
	}
	return newGroup("stop", "Show or clear a stop of linker updates.", show, clear)
}

// stopped is what a deployment knows of the linker endpoints.
type stopped struct {
	// State is working, waiting or stopped.
	State    string    `json:"state"`
	Since    time.Time `json:"since,omitzero"`
	Evidence string    `json:"evidence,omitempty"`
	Probed   time.Time `json:"probed,omitzero"`
	Answer   string    `json:"answer,omitempty"`
	Gone     time.Time `json:"gone,omitzero"`
	Stops    time.Time `json:"stops,omitzero"`
	Stopped  time.Time `json:"stopped,omitzero"`
	Cleared  time.Time `json:"cleared,omitzero"`
}

func (inv *invocation) showStop() error {
	table, err := inv.deployment()
	if err != nil {
		return err
	}
	state, err := table.Removal(inv.ctx, inv.session.AppKey())
	if err != nil {
		return err
	}
	s := describe(state)
	return inv.print(s, s.write)
}

// describe puts a state into words.
func describe(state removal.State) stopped {
	s := stopped{
		State: "working", Since: state.Since.UTC(), Evidence: state.Evidence, Probed: state.Probed.UTC(), Answer: state.Answer,
		Gone: state.Gone.UTC(), Stopped: state.Stopped.UTC(), Cleared: state.Cleared.UTC(),
	}
	switch {
	case state.IsStopped():
		s.State = "stopped"
	case state.IsSuspected():
		s.State = "waiting"
		if !s.Gone.IsZero() {
			s.Stops = s.Gone.Add(removal.StopAfter)
		}
	}
	return s
}

func (s stopped) write(w io.Writer) {
	_, _ = fmt.Fprintln(w, map[string]string{
		"working": "Linker updates work: nothing says that the linker endpoints are gone.",
		"waiting": "Linker updates wait: Bitbucket may have removed the linker endpoints, or this\nis a brownout. They go on by themselves when the endpoints are back.",
		"stopped": "Linker updates are stopped: Bitbucket has removed the linker endpoints.\nSee docs/migrate.md. \"linkersync stop clear\" starts them again.",
	}[s.State])
	line := func(name string, at time.Time, text string) {
		if at.IsZero() {
			return
		}
		_, _ = fmt.Fprintf(w, "  %-14s%s\n", name, at.Format(time.RFC3339))
		if text != "" {
			_, _ = fmt.Fprintln(w, platform.Wrap("    "+text, 80))
		}
	}
	line("suspected", s.Since, s.Evidence)
	line("last probe", s.Probed, s.Answer)
	line("gone since", s.Gone, "")
	line("stops", s.Stops, "")
	line("stopped", s.Stopped, "")
	line("last cleared", s.Cleared, "")
}

// clearStop ends suspicion and stop.
func (inv *invocation) clearStop() error {
	table, err := inv.deployment()
	if err != nil {
		return err
	}
	was, err := table.Clear(inv.ctx, inv.session.AppKey())
	switch {
	case err != nil:
		return err
	case !was:
		return inv.done("There was nothing to clear: linker updates of %s neither wait nor are stopped.", inv.session.AppKey())
	}
	return inv.done("Cleared: linker updates of %s go on within a quarter of an hour.", inv.session.AppKey())
}

// deployment is the table of the app's deployment.
func (inv *invocation) deployment() (*rollout.Table, error) {
	if inv.session.AppKey() == "" {
		return nil, setup.ErrNoApp
	}
	return inv.session.Table(inv.ctx)
}
