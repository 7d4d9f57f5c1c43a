package cli

import (
	"fmt"
	"sync"

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
	broken         failures
	failed         error
}

// add records one workspace. It fails only when the journal can't be written: going
// on would do work that the next run repeats.
func (r *report) add(in installation.Installation, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := updated{ClientKey: in.ClientKey, Workspace: string(in.Principal.UUID)}
	if err != nil {
		r.broken.add(err)
		line.Error = err.Error()
	} else if r.count++; !r.dryRun {
		if err := r.done.Add(in.ClientKey); err != nil {
			return err
		}
	}
	switch {
	case r.inv.json:
		return r.inv.printLine(line)
	case err != nil:
		_, _ = fmt.Fprintf(r.inv.process.Stderr, "! %s: %v\n", platform.Printable(label(in)), err)
	default:
		word := "ok"
		if r.dryRun {
			word = "would update"
		}
		_, _ = fmt.Fprintf(r.inv.process.Stdout, "%s %s\n", word, platform.Printable(label(in)))
	}
	return nil
}

// finish prints the sum; it fails when a workspace did.
func (r *report) finish(verb string) error {
	if r.dryRun {
		verb = "would be " + verb
	}
	if !r.inv.json {
		_, _ = fmt.Fprintf(r.inv.process.Stdout, "%d %s, %d were done before, %d failed\n", r.count, verb, r.skipped, r.broken.all)
	}
	// What ended the run early is not among what was printed.
	if r.failed == nil {
		return r.broken.err()
	}
	return r.failed
}
