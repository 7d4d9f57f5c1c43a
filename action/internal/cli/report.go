package cli

import (
	"fmt"
	"io"
	"sync"

	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/importer/journal"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/installation"
)

// report prints what became of each workspace as it comes, remembers the ones that
// are done, and counts. Safe for concurrent use.
type report struct {
	inv  *invocation
	done *journal.Journal
	// dryRun: nothing is called, so nothing is remembered.
	dryRun bool

	mu             sync.Mutex
	count, skipped int
	failed         error
}

// add records one workspace. It fails only when the journal can't be written: going
// on would do work that the next run repeats.
func (r *report) add(in installation.Installation, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := updated{ClientKey: in.ClientKey, Workspace: string(in.Principal.UUID)}
	if err != nil {
		line.Error = err.Error()
		r.inv.fail(document.Problem{What: "update"}, platform.Printable(label(in)), err)
	} else if r.count++; !r.dryRun {
		if err := r.done.Add(in.ClientKey); err != nil {
			return err
		}
	}
	return r.inv.print(line, func(w io.Writer) {
		switch {
		case err != nil: // printed at the end
		case r.dryRun:
			_, _ = fmt.Fprintf(w, "would update %s\n", platform.Printable(label(in)))
		default:
			_, _ = fmt.Fprintf(w, "ok %s\n", platform.Printable(label(in)))
		}
	})
}

// finish prints the sum; it fails when a workspace did.
func (r *report) finish(verb string) error {
	if r.dryRun {
		verb = "would be " + verb
	}
	r.inv.sum(nil, "%d %s, %d done before, %d failed.", r.count, verb, r.skipped, r.inv.problems.Total())
	// What ended the run early is not among what was printed.
	if r.failed == nil {
		return r.inv.reported()
	}
	return r.failed
}
