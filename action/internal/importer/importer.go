// Package importer brings the installations of an existing app into the store: each
// row is looked up, proven by a call to Bitbucket, and written once.
//
// Reading files is package installation's, printing is package cli's. Nothing here
// overwrites: what is in the store may be newer than what is in a file.
package importer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/linkersync/linkersync/action/internal/importer/journal"
	"github.com/linkersync/linkersync/shared/installation"
)

// WritesPerSecond leaves a fifth of Secrets Manager's 50 a second to the functions
// that write meanwhile.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const WritesPerSecond = 40

// maxUnproven is how many rows one after the other may end without a verdict before
// the import stops: Bitbucket is down then.
const maxUnproven = 10

// Outcome is what became of a row.
type Outcome string

const (
	// Stored is in the store now; with Options.DryRun it would be.
	Stored Outcome = "stored"
	// Present was in the store, as it stands in the row.
	Present Outcome = "present"
	// Done was done by an earlier run, as the journal says of the same row.
	Done Outcome = "done"
	// Conflict is in the store, and differs.
	Conflict Outcome = "conflict"
	// Refused is not fit to be stored, or Bitbucket doesn't accept its secret.
	Refused Outcome = "refused"
	// Failed has no verdict yet: run again.
	Failed Outcome = "failed"
)

// Result is what became of one row.
type Result struct {
	Line      int     `json:"line,omitempty"`
	ClientKey string  `json:"client_key,omitempty"`
	Workspace string  `json:"workspace,omitempty"`
	Outcome   Outcome `json:"outcome"`
	// Reason is empty for a row that is fine, and for one that failed because of
	// what ended the run. It holds no secret.
	Reason string `json:"reason,omitempty"`
}

// Options of an intake.
type Options struct {
	// DryRun asks the store and Bitbucket, and writes nothing.
	DryRun bool
	// Parallel is how many rows are worked on at a time, at least 1.
	Parallel int
	// Prove asks Bitbucket about a secret; nil takes every row at its word.
	Prove Prove
	// WritesPerSecond defaults to the constant of that name.
	WritesPerSecond float64
}

// Run takes in the rows. Results come in the order in which they are ready; a
// bounded number of rows is in memory. done gets every row that is in the store
// afterwards, as it stands there.
//
// It ends early, with an error as its last pair, when the rows or the journal can't
// be read or written, the store can't be used, Bitbucket gives no verdict any
// more, or the context ends. Running it again is always right.
func Run(ctx context.Context, rows iter.Seq2[installation.Row, error], store installation.Store, done *journal.Journal, options Options) iter.Seq2[Result, error] {
	if options.WritesPerSecond == 0 {
		options.WritesPerSecond = WritesPerSecond
	}
	return func(yield func(Result, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		in := &intake{
			store: store, done: done, options: options, stop: cancel, results: make(chan Result),
			writes: rate.NewLimiter(rate.Limit(options.WritesPerSecond), 1),
		}
		go in.run(ctx, rows)
		wanted := true
		for result := range in.results {
			if wanted && !yield(result, nil) {
				wanted = false
				cancel(context.Canceled)
			}
		}
		if wanted && in.ended != nil {
			yield(Result{}, in.ended)
		}
	}
}

// intake is one run.
type intake struct {
	store   installation.Store
	done    *journal.Journal
	options Options
	writes  *rate.Limiter
	stop    context.CancelCauseFunc
	results chan Result
	// ended is read once results is closed.
	ended error

	mu       sync.Mutex
	unproven int
}

// run starts a row's work whenever there is a free place, and closes results after
// the last.
func (in *intake) run(ctx context.Context, rows iter.Seq2[installation.Row, error]) {
	defer close(in.results)
	var group errgroup.Group
	group.SetLimit(max(1, in.options.Parallel))
	var failed error
	for row, err := range rows {
		if ctx.Err() != nil {
			break
		}
		if bad, isRow := errors.AsType[*installation.RowError](err); isRow {
			in.results <- Result{Line: bad.Line, Outcome: Refused, Reason: bad.Reason}
			continue
		}
		if err != nil {
			failed = err
			break
		}
		group.Go(func() error {
			in.results <- in.row(ctx, row)
			return nil
		})
	}
	_ = group.Wait() // no goroutine of it returns an error
	in.ended = errors.Join(failed, context.Cause(ctx))
}

// row takes in one row. What makes every further row fail, too, stops the run.
func (in *intake) row(ctx context.Context, row installation.Row) Result {
	if reason := misfit(row.Installation); reason != "" {
		return Result{Line: row.Line, Outcome: Refused, Reason: reason}
	}
	result := Result{Line: row.Line, ClientKey: row.ClientKey, Workspace: string(row.Principal.UUID)}
	if in.done.Has(entry(row.Installation)) {
		result.Outcome = Done
		return result
	}
	err := in.take(ctx, row.Installation, &result)
	switch {
	case err == nil:
	case errors.Is(err, installation.ErrExists):
		result.Outcome, result.Reason = Conflict, "it is in the store already and differs, and the store's may be newer: "+hint(err)
	case isRefusal(err), errors.Is(err, installation.ErrPendingDeletion), errors.Is(err, installation.ErrTooLarge),
		errors.Is(err, installation.ErrInvalid), errors.Is(err, installation.ErrDamaged), errors.Is(err, installation.ErrNewer):
		result.Outcome, result.Reason = Refused, err.Error()
	default:
		result.Outcome = Failed
		if !in.stops(err) {
			result.Reason = err.Error()
		}
	}
	return result
}

// take looks a row up, proves it and writes it.
func (in *intake) take(ctx context.Context, row installation.Installation, result *Result) error {
	result.Outcome = Present
	present, err := installation.CheckImport(ctx, in.store, row)
	if err == nil && !present {
		result.Outcome = Stored
		err = in.add(ctx, row)
	}
	if err != nil || in.options.DryRun {
		return err
	}
	return in.done.Add(entry(row))
}

// entry is a row's line in the journal: its client key, and a digest of what is
// compared with the store, so that a row that changed since is looked at again. The
// secret is the digest's key, and can't be found from it.
func entry(row installation.Installation) string {
	digest := hmac.New(sha256.New, []byte(row.SharedSecret.Reveal()))
	for _, part := range []string{row.AppKey, row.ClientKey, string(row.State), string(row.Principal.UUID)} {
		_, _ = fmt.Fprintf(digest, "%q", part) // a hash takes everything
	}
	return fmt.Sprintf("%s %x", row.ClientKey, digest.Sum(nil)[:8])
}

// add proves a row that is not in the store, and writes it.
func (in *intake) add(ctx context.Context, row installation.Installation) error {
	if err := in.prove(ctx, row); err != nil || in.options.DryRun {
		return err
	}
	if err := in.writes.Wait(ctx); err != nil {
		return context.Cause(ctx)
	}
	stored, err := in.store.Create(ctx, row, installation.ImportEvent)
	if err != nil {
		return err
	}
	// Two rows of one file may name the same installation, and be worked on at once.
	if !stored.SharedSecret.Equal(row.SharedSecret) {
		return &installation.Error{Op: "import installation", Subject: row.ClientKey, Kind: installation.ErrExists, Hint: "another row has another shared secret for it"}
	}
	return nil
}

// stops ends the run when a row's error is one that every further row would meet.
// A few secrets without a verdict are no such error, many are.
func (in *intake) stops(err error) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case errors.Is(err, errUnproven):
		if in.unproven++; in.unproven >= maxUnproven {
			in.stop(fmt.Errorf("no verdict from Bitbucket on %d secrets in a row, the last time: %w; what is stored stays, run the same command again later", in.unproven, err))
		}
		return false
	default:
		in.stop(err)
		return true
	}
}

func (in *intake) proven() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.unproven = 0
}

// hint is what the store says about a difference.
func hint(err error) string {
	if failure, ok := errors.AsType[*installation.Error](err); ok && failure.Hint != "" {
		return failure.Hint
	}
	return err.Error()
}
