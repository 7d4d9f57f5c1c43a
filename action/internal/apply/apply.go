// Package apply is the one flow of plan and apply, for terminal and CI alike. It takes
// a manifest through the selected installations, some at a time, and through Infisical,
// and hands each part's result on as it comes. It holds a bounded number of results, so
// a fleet of any size costs the same memory.
//
// What a linker or connection needs is decided by package reconcile; what a person
// sees of it by packages cli and summary.
package apply

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/removal"
)

// Options of a pass.
type Options struct {
	// Apply changes what the plan shows; without it nothing is written.
	Apply bool
	// AllowPrune permits deleting most of a linker's values.
	AllowPrune bool
	// AllowSyncRisks is the yes to what a sync's plan warns of.
	AllowSyncRisks bool
	// Parallel is how many installations are worked on at a time, at least 1.
	Parallel int
	// Probe asks Bitbucket whether the linker endpoints are there, see [removal.Probe]. It
	// is called once at most, when an answer announces their removal.
	Probe func(context.Context) (removal.Verdict, string)
}

// Part is what a pass found, and did, in one installation or in Infisical.
type Part struct {
	// Plan is what was found.
	Plan reconcile.Plan
	// Result is what was done; it is empty when the pass only plans.
	Result  reconcile.Result
	Applied bool
	// Failures say what went wrong, and where the manifest wants it.
	Failures []Failure
}

// Failure is one linker or connection that could not be planned or applied.
type Failure struct {
	// Subject is such as "linker issues".
	Subject  string
	Position manifest.Position
	Err      error
}

// failed keeps a linker that could not be read in plan and result, so that nobody
// takes it for one that needs nothing.
func (p *Part) failed(desired manifest.Linker, err error) {
	p.Failures = append(p.Failures, Failure{Subject: "linker " + desired.Key, Position: desired.Position, Err: err})
	p.Plan.Linkers = append(p.Plan.Linkers, reconcile.LinkerPlan{
		Linker: desired.Key, Add: []string{}, Remove: []string{}, Position: desired.Position, Error: err.Error(),
	})
	if p.Applied {
		p.Result.Linkers = append(p.Result.Linkers, reconcile.LinkerResult{
			Linker: desired.Key, Added: []string{}, Removed: []string{}, Position: desired.Position, Error: err.Error(),
		})
	}
}

// Summary counts the part. A linker that could not even be read counts as failed.
func (p Part) Summary() reconcile.Summary {
	sum := p.Plan.Summary()
	if p.Applied {
		sum = p.Result.Summary()
	}
	sum.Failed = len(p.Failures)
	return sum
}

// WriteText prints the part for people, but for its failures.
func (p Part) WriteText(w io.Writer, style reconcile.Style) error {
	if p.Applied {
		return p.Result.WriteText(w, style)
	}
	return p.Plan.WriteText(w, style)
}

// Document is the part for a script: its plan, or its result.
func (p Part) Document() any {
	if p.Applied {
		return p.Result
	}
	return p.Plan
}

// Where names the part's workspace, or its installation where no workspace is known;
// it is empty for Infisical.
func (p Part) Where() string {
	if p.Plan.Installation == nil {
		return ""
	}
	return cmp.Or(p.Plan.Installation.Workspace, p.Plan.Installation.ClientKey)
}

// Connect returns the Bitbucket client of an installation.
type Connect func(installation.Installation) reconcile.LinkerValues

// Linkers plans, and applies if asked, the linkers for each installation. Parts
// come in the order in which they are ready; an installation that fails is a part
// like the others.
//
// The pass ends early, with an error as its last pair, when the installations can't be
// listed or the context ends. When the linker endpoints are suspected to be gone, no
// further installation is asked, and the last part's failure is a [SuspectedError].
func Linkers(ctx context.Context, installations iter.Seq2[installation.Installation, error], connect Connect, linkers []manifest.Linker, options Options) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		pass := &pass{connect: connect, linkers: linkers, options: options, parts: make(chan Part), ended: make(chan error, 1)}
		pass.suspicion.probe = options.Probe
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		go pass.run(ctx, installations)
		wanted := true
		for part := range pass.parts {
			if wanted && !yield(part, nil) {
				wanted = false
				cancel(context.Canceled)
			}
		}
		if err := <-pass.ended; wanted && err != nil {
			yield(Part{}, err)
		}
	}
}

// pass is one run over the installations.
type pass struct {
	connect Connect
	linkers []manifest.Linker
	options Options
	parts   chan Part
	ended   chan error

	suspicion suspicion
	// known are the linkers of the app's descriptor, once list has read them.
	list  sync.Once
	known []string
}

// run starts an installation's work whenever there is a free place, and closes
// parts after the last.
func (p *pass) run(ctx context.Context, installations iter.Seq2[installation.Installation, error]) {
	var group errgroup.Group
	group.SetLimit(max(1, p.options.Parallel))
	var failed error
	for in, err := range installations {
		if ctx.Err() != nil || p.suspicion.stands() != nil {
			break
		}
		if err != nil && in.ClientKey == "" {
			failed = err
			break
		}
		group.Go(func() error {
			if p.suspicion.stands() == nil { // asked when there is a free place, which may take long
				p.parts <- p.one(ctx, in, err)
			}
			return nil
		})
	}
	_ = group.Wait() // no goroutine of it returns an error
	if suspected := p.suspicion.stands(); suspected != nil {
		p.parts <- Part{Applied: p.options.Apply, Failures: []Failure{{Subject: "linkers", Err: suspected}}}
	}
	close(p.parts)
	p.ended <- errors.Join(failed, context.Cause(ctx))
}

// one takes an installation through all its linkers. A linker that fails does not
// keep the next from being looked at.
func (p *pass) one(ctx context.Context, in installation.Installation, unreadable error) Part {
	target := &reconcile.Target{ClientKey: in.ClientKey, Workspace: string(in.Principal.UUID), Name: in.Principal.DisplayName}
	part := Part{Applied: p.options.Apply, Plan: reconcile.Plan{Installation: target}, Result: reconcile.Result{Installation: target}}
	if unreadable != nil {
		part.Failures = append(part.Failures, Failure{Subject: "installation", Err: unreadable})
		return part
	}
	api := p.connect(in)
	plans := p.plan(ctx, api, &part)
	if p.options.Apply {
		p.apply(ctx, api, plans, &part)
	}
	// A linker that could not be planned has failed before the others were applied.
	slices.SortStableFunc(part.Result.Linkers, func(a, b reconcile.LinkerResult) int { return order(a.Position, b.Position) })
	slices.SortStableFunc(part.Failures, func(a, b Failure) int { return order(a.Position, b.Position) })
	return part
}

// order is that of the manifest.
func order(a, b manifest.Position) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// plan looks at every linker before the first write. It returns nothing to apply when
// the endpoints are suspected to be gone.
func (p *pass) plan(ctx context.Context, api reconcile.LinkerValues, part *Part) (ready []reconcile.LinkerPlan) {
	for _, desired := range p.linkers {
		if ctx.Err() != nil && len(part.Plan.Linkers) > 0 {
			break
		}
		plan, err := reconcile.PlanLinker(ctx, api, desired)
		if err == nil {
			part.Plan.Linkers, ready = append(part.Plan.Linkers, plan), append(ready, plan)
			continue
		}
		part.failed(desired, p.named(ctx, api, desired.Key, err))
		if p.suspicion.raise(ctx, err) {
			return nil // the next linker would meet the same
		}
	}
	return ready
}

// apply carries out the plans, in their order.
func (p *pass) apply(ctx context.Context, api reconcile.LinkerValues, plans []reconcile.LinkerPlan, part *Part) {
	for _, plan := range plans {
		result, err := reconcile.ApplyPlan(ctx, api, plan, reconcile.Options{AllowPrune: p.options.AllowPrune})
		part.Result.Linkers = append(part.Result.Linkers, result)
		if err != nil {
			part.Failures = append(part.Failures, Failure{Subject: "linker " + plan.Linker, Position: plan.Position, Err: err})
		}
		// The part says which linkers were applied.
		if p.suspicion.raise(ctx, err) || ctx.Err() != nil {
			return
		}
	}
}
