package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	// maxRounds bounds act-and-read-again. With three calls in ten failing at
	// random, six rounds leave one value in a thousand behind.
	maxRounds = 6
	// firstPause is doubled per round. It is taken only after a round that
	// changed nothing: a lagging replica or a bad moment, and both pass.
	firstPause = 250 * time.Millisecond
	maxPause   = 2 * time.Second
	// lastLook bounds the read after an interruption: a CI leaves a step ten seconds.
	lastLook = 5 * time.Second
)

// Options of an apply. The zero value is the careful one.
type Options struct {
	// AllowPrune lets a linker lose most of its values, see [PruneGuardError].
	AllowPrune bool
	// Sleep waits between rounds that change nothing; nil waits on a timer. It
	// returns early, with the context's error, when the context ends.
	Sleep func(ctx context.Context, d time.Duration) error
}

// ApplyLinker brings a linker to its desired values and verifies it. With
// nothing to change it makes only the calls of one read.
//
// Errors: [ValuesError] before any call; [PruneGuardError] before any write;
// [NotConvergedError] when the rounds are used up or something can't be done;
// [BulkRefusedError] when only thousands of single calls would do it;
// otherwise the client's, wrapped. The result is valid with an error too.
// A rate limit, a refused login, an unknown linker and a removed endpoint
// ([bitbucket.ErrEndpointRemoved]) end the apply at once. Running it again is
// always right.
func ApplyLinker(ctx context.Context, api LinkerValues, desired manifest.Linker, options Options) (LinkerResult, error) {
	plan, err := PlanLinker(ctx, api, desired)
	if err != nil {
		return failed(desired, err)
	}
	return ApplyPlan(ctx, api, plan, options)
}

// ApplyPlan is [ApplyLinker] with the plan that [PlanLinker] just made, so that
// showing a plan and applying it reads the values once. A plan without changes
// calls nothing.
func ApplyPlan(ctx context.Context, api LinkerValues, plan LinkerPlan, options Options) (LinkerResult, error) {
	if plan.want.places == nil {
		return failed(manifest.Linker{Key: plan.Linker, Position: plan.Position},
			fmt.Errorf("apply plan of linker %q: it is a copy that lacks the values' ids, plan again", plan.Linker))
	}
	if options.Sleep == nil {
		options.Sleep = transport.Sleep
	}
	r := &run{api: api, options: options, first: plan, last: plan, want: plan.want, stuck: map[string]string{}, exists: map[string]bool{}}
	r.result = LinkerResult{Linker: plan.Linker, Position: plan.Position, Kept: plan.Keep}
	err := r.converge(ctx)
	if errors.Is(ctx.Err(), context.Canceled) && r.writesRead != r.result.Writes {
		err = r.lookOnce(ctx, err)
	}
	return r.finish(err), err
}

// run is one apply: what it knows, and what it has learned about Bitbucket.
type run struct {
	api         LinkerValues
	options     Options
	first, last LinkerPlan
	want        wanted
	result      LinkerResult
	// stuck says of a value why no further call can bring it where it belongs.
	stuck map[string]string
	// cased finds a listed value by its lower-case form; nil until needed.
	cased map[string]string
	// exists are the values that a POST found to be there.
	exists map[string]bool
	// refusedAdds counts the values that a POST was refused for; added tells whether
	// one was taken.
	refusedAdds int
	added       bool
	// rounds counts what was acted on and read again.
	rounds int
	// cause is the last failure that a later read could still make up for.
	cause error
	// bulks counts PUTs; bulkDone says that one was accepted, bulkRefused that
	// its body was not.
	bulks                 int
	bulkDone, bulkRefused bool
	// writesRead is how many writes the last read has seen.
	writesRead int
}

func (r *run) converge(ctx context.Context) error {
	for ; r.last.Changed(); r.rounds++ {
		if err := r.guard(r.last); err != nil {
			return err
		}
		if r.rounds == maxRounds {
			return r.notConverged()
		}
		before := r.result.Writes
		if err := r.act(ctx); err != nil {
			return err
		}
		if r.result.Writes == before {
			return r.notConverged()
		}
		if err := r.verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

// verify reads what the round's writes came to. The first read follows at once;
// only when it shows no progress is there a pause and another look. A list that is
// shorter than it says shows none: it may be the write that it lags behind.
func (r *run) verify(ctx context.Context) error {
	before := len(r.last.Add) + len(r.last.Remove)
	switch err := r.read(ctx); {
	case errors.Is(err, bitbucket.ErrIncomplete):
	case err != nil || r.progressed(before):
		return err
	}
	if err := r.options.Sleep(ctx, min(firstPause<<r.rounds, maxPause)); err != nil {
		return fmt.Errorf("wait to read linker %q again: %w", r.first.Linker, err)
	}
	return r.read(ctx)
}

// progressed tells whether less than before is left, or nothing to work on.
func (r *run) progressed(before int) bool {
	adds, removes := r.pending()
	return len(r.last.Add)+len(r.last.Remove) < before || len(adds)+len(removes) == 0
}

// lookOnce reads what the last write came to, although the caller doesn't want to wait:
// otherwise nobody could tell what was done.
func (r *run) lookOnce(ctx context.Context, interrupted error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	if err := r.read(ctx); err == nil && !r.last.Changed() {
		return nil
	}
	return interrupted
}

func (r *run) read(ctx context.Context) error {
	plan, err := compare(ctx, r.api, r.first.desired, r.want)
	if err != nil {
		return err
	}
	r.last, r.writesRead, r.cased = plan, r.result.Writes, nil
	return nil
}
