// Package runner takes a manifest's linkers through the selected installations,
// some at a time, and hands each result on as it comes. It holds a bounded number
// of results, so a fleet of any size costs the same memory.
//
// What a linker needs is decided by package reconcile; what a person sees of it by
// packages cli and summary.
package runner

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// Options of a pass over installations.
type Options struct {
	// Apply changes what the plan shows; without it nothing is written.
	Apply bool
	// AllowPrune permits deleting most of a linker's values.
	AllowPrune bool
	// Parallel is how many installations are worked on at a time, at least 1.
	Parallel int
}

// Linker is what a pass found, and did, for one linker of one installation.
type Linker struct {
	Plan reconcile.LinkerPlan
	// Result is valid when the pass applied.
	Result  reconcile.LinkerResult
	Applied bool
	Err     error
}

// Changed tells whether something changed, or would.
func (l Linker) Changed() bool {
	if l.Applied {
		return l.Result.Changed()
	}
	return l.Plan.Changed()
}

// Result is one installation's part of a pass.
type Result struct {
	Installation installation.Installation
	Linkers      []Linker
}

// Changed tells whether any linker changed, or would.
func (r Result) Changed() bool {
	for _, linker := range r.Linkers {
		if linker.Changed() {
			return true
		}
	}
	return false
}

// Err joins the linkers' errors.
func (r Result) Err() error {
	var all []error
	for _, linker := range r.Linkers {
		all = append(all, linker.Err)
	}
	return errors.Join(all...)
}

// Connect returns the Bitbucket client of an installation.
type Connect func(installation.Installation) reconcile.LinkerValues

// Run plans, and applies if asked, the linkers for each installation. Results come
// in the order in which they are ready; an installation that fails is a result
// like the others.
//
// The pass itself ends early, with an error as its last pair, when the
// installations can't be read, the context ends, or Bitbucket no longer offers the
// endpoint: then no further installation is asked.
func Run(ctx context.Context, installations iter.Seq2[installation.Installation, error], connect Connect, linkers []manifest.Linker, options Options) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		results := make(chan Result)
		ended := make(chan error, 1)
		go func() {
			ended <- fanOut(ctx, cancel, installations, connect, linkers, options, results)
			close(results)
		}()
		stopped := false
		for result := range results {
			if !stopped && !yield(result, nil) {
				stopped = true
				cancel(context.Canceled)
			}
		}
		err := <-ended
		cancel(nil)
		if !stopped && err != nil {
			yield(Result{}, err)
		}
	}
}

func fanOut(ctx context.Context, cancel context.CancelCauseFunc, installations iter.Seq2[installation.Installation, error], connect Connect, linkers []manifest.Linker, options Options, results chan<- Result) error {
	var group errgroup.Group
	group.SetLimit(max(1, options.Parallel))
	var failed error
	for in, err := range installations {
		if err != nil {
			failed = fmt.Errorf("read installations: %w", err)
			break
		}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			result := one(ctx, connect(in), in, linkers, options)
			if err := result.Err(); errors.Is(err, bitbucket.ErrEndpointRemoved) {
				cancel(err)
			}
			results <- result
			return nil
		})
	}
	_ = group.Wait() // no goroutine of it returns an error
	return errors.Join(failed, context.Cause(ctx))
}

// one takes an installation through all its linkers. A linker that fails does not
// keep the next from being looked at, unless every further call would fail too.
func one(ctx context.Context, api reconcile.LinkerValues, in installation.Installation, linkers []manifest.Linker, options Options) Result {
	result := Result{Installation: in}
	for _, desired := range linkers {
		done := Linker{}
		done.Plan, done.Err = reconcile.PlanLinker(ctx, api, desired)
		if done.Err != nil {
			done.Plan.Linker, done.Plan.Position = desired.Key, desired.Position
		} else if options.Apply {
			done.Result, done.Err = reconcile.ApplyPlan(ctx, api, done.Plan, reconcile.Options{AllowPrune: options.AllowPrune})
			done.Applied = true
		}
		result.Linkers = append(result.Linkers, done)
		if errors.Is(done.Err, bitbucket.ErrEndpointRemoved) || ctx.Err() != nil {
			break
		}
	}
	return result
}
