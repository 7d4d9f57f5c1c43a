package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/removal"
)

// probed is what doctor found out about the linker endpoints.
type probed struct {
	// Endpoints is there, gone or unknown.
	Endpoints string `json:"endpoints"`
	// Answer is Bitbucket's, Meaning what it means for the user.
	Answer  string `json:"answer"`
	Meaning string `json:"meaning"`
}

// What each verdict means.
const (
	meansThere   = `Linkers work. Whether a workspace's secret does, too, tells "linkersync doctor --installation UUID".`
	meansGone    = `They were removed, or this is a brownout, which takes a quarter of an hour. Ask again in half an hour. If they stay away, save what you have with "linkersync installations list --json" and follow docs/migrate.md. Connections don't depend on them.`
	meansUnknown = `The answer says neither. Check the network, a proxy and https://bitbucket.status.atlassian.com, and ask again in some minutes.`
)

// probe asks Bitbucket whether it has the linker endpoints. Gone is an answer with an
// exit code of its own; no verdict may pass.
func (inv *invocation) probe() error {
	verdict, answer := inv.session.Probe(inv.ctx)
	found, sentence, meaning, end := "there", "Bitbucket has the linker endpoints", meansThere, error(nil)
	switch verdict {
	case removal.Gone:
		found, sentence, meaning, end = "gone", "Bitbucket does not have the linker endpoints now", meansGone, errChanges
	case removal.Unknown:
		found, sentence, meaning, end = "unknown", "It is not known whether Bitbucket has the linker endpoints", meansUnknown, errLater
	}
	return errors.Join(inv.print(probed{found, answer, meaning}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s.\n%s\n%s\n", sentence, platform.Wrap("  "+answer, 80), platform.Wrap(meaning, 80))
	}), end)
}
