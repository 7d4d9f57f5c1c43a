package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

const (
	// smallDifference is the most values that are added, or removed, one by one.
	// Beyond it a PUT is fewer calls even when it turns out to merge.
	smallDifference = 10
	// maxBulks bounds PUTs per apply: a second one makes up for an outage, a
	// third would only repeat what doesn't work.
	maxBulks = 2
	// maxSingleAdds is the most values that are added one by one when a PUT of them
	// didn't work: half of the thousand calls that Bitbucket gives a caller in an
	// hour, so that reading and the other linkers still fit. There is no PUT in
	// parts, because one that replaces would delete all other parts. Removals have
	// no such bound: no other call does them, and the plan has shown each.
	// Source: https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/
	maxSingleAdds = 500
	// maxRefusedAdds is how many values Bitbucket may refuse before it has taken
	// one. By then it isn't the values, and each costs a call for every shape.
	maxRefusedAdds = 10
	// maxFailuresInARow ends a round early: Bitbucket has a bad moment, and each
	// call has been tried several times by the transport already.
	maxFailuresInARow = 3
)

// pending is what of the last read's difference can still be worked on.
func (r *run) pending() (adds []string, removes []bitbucket.LinkerValue) {
	for _, value := range r.last.Add {
		if _, stuck := r.stuck[value]; !stuck {
			adds = append(adds, value)
		}
	}
	if !r.first.desired.Prune {
		return adds, nil
	}
	for _, value := range r.last.extra {
		if _, stuck := r.stuck[value.Value]; !stuck {
			removes = append(removes, value)
		}
	}
	return adds, removes
}

// act does one round's writes. The error ends the apply; what the next read can
// make up for is kept as the cause.
func (r *run) act(ctx context.Context) error {
	r.learn()
	adds, removes := r.pending()
	if r.wantsBulk(adds, removes) {
		if err := r.bulk(ctx); err != nil || !r.bulkRefused {
			return err
		}
		r.learn()
		adds, removes = r.pending()
	}
	switch {
	case len(adds) <= maxSingleAdds:
		return r.single(ctx, adds, removes)
	case r.bulkRefused:
		return &BulkRefusedError{Linker: r.first.Linker, Values: len(r.want.values), Missing: len(adds), Cause: r.cause}
	}
	return r.notConverged()
}

// single adds and removes one by one. A value that may be the same as one that
// couldn't be added now waits for the next round: were it removed, and Bitbucket
// didn't tell case, the wanted one would be gone.
func (r *run) single(ctx context.Context, adds []string, removes []bitbucket.LinkerValue) error {
	failures := 0
	missing := map[string]bool{}
	for i, value := range adds {
		if _, stuck := r.stuck[value]; stuck { // since an addition of this round
			continue
		}
		if r.refusedAdds == maxRefusedAdds && !r.added {
			r.giveUp(adds[i:])
			break
		}
		err := r.add(ctx, value)
		missing[strings.ToLower(value)] = err != nil
		if err := r.step(ctx, err, &failures); err != nil || failures == maxFailuresInARow {
			return err
		}
	}
	for _, value := range removes {
		_, stuck := r.stuck[value.Value]
		// Without an id only a PUT removes it, and that had no verdict yet.
		if stuck || value.ID == 0 || missing[strings.ToLower(value.Value)] {
			continue
		}
		if err := r.step(ctx, r.remove(ctx, value), &failures); err != nil || failures == maxFailuresInARow {
			return err
		}
	}
	return nil
}

// wantsBulk decides between one PUT and single calls. A mix of additions and
// removals is one PUT however small, and so is a removal that has no id.
func (r *run) wantsBulk(adds []string, removes []bitbucket.LinkerValue) bool {
	if r.bulkRefused || r.bulks == maxBulks {
		return false
	}
	if r.bulkDone { // It merged, or dropped values: repeat it only for many of the latter.
		return len(adds) > smallDifference
	}
	noID := slices.ContainsFunc(removes, func(v bitbucket.LinkerValue) bool { return v.ID == 0 })
	mixed := len(adds) > 0 && len(removes) > 0
	return noID || mixed || len(adds)+len(removes) > smallDifference
}

// bulk PUTs the whole target. From here on, values that are only kept because
// the linker doesn't prune count as wanted: if the PUT replaces and goes wrong,
// they have to come back.
func (r *run) bulk(ctx context.Context) error {
	if !r.first.desired.Prune && len(r.last.extra) > 0 {
		r.want = newWanted(slices.Concat(r.want.values, names(r.last.extra)))
	}
	r.bulks++
	err := r.write(ctx, func() error {
		return r.api.UpdateLinkerValues(ctx, r.first.Linker, r.want.values)
	})
	switch {
	case err == nil:
		r.bulkDone = true
		return nil
	case errors.Is(err, bitbucket.ErrExists), !ends(ctx, err) && refused(err):
		r.bulkRefused = true // for its body, its size, or because it only adds
		r.cause = err
		return nil
	}
	failures := 0
	return r.step(ctx, fmt.Errorf("update values of linker %q: %w", r.first.Linker, err), &failures)
}

func (r *run) add(ctx context.Context, value string) error {
	err := r.write(ctx, func() error {
		_, err := r.api.CreateLinkerValue(ctx, r.first.Linker, value)
		return err
	})
	switch {
	case err == nil:
		r.added = true
		return nil
	case errors.Is(err, bitbucket.ErrExists):
		r.added = true
		r.learnFromExists(value)
		return nil
	case !ends(ctx, err) && refused(err):
		r.refusedAdds++
		r.stuck[value] = "Bitbucket refused it: " + err.Error()
		return nil
	}
	return fmt.Errorf("add value %s to linker %q: %w", quote(value), r.first.Linker, err)
}

func (r *run) remove(ctx context.Context, value bitbucket.LinkerValue) error {
	err := r.write(ctx, func() error {
		return r.api.DeleteLinkerValue(ctx, r.first.Linker, value.ID)
	})
	if err == nil || errors.Is(err, bitbucket.ErrNotFound) {
		return nil // If it is the linker that is gone, the next read says so.
	}
	return fmt.Errorf("remove value %s (id %d) from linker %q: %w", quote(value.Value), value.ID, r.first.Linker, err)
}

// giveUp marks what is not even tried.
func (r *run) giveUp(adds []string) {
	for _, value := range adds {
		if _, stuck := r.stuck[value]; !stuck {
			r.stuck[value] = "not tried, because Bitbucket refused all before it"
		}
	}
}

// write counts a call that may change something, unless time is up already.
func (r *run) write(ctx context.Context, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.result.Writes++
	return call()
}

// step sorts an error: those that every further call would meet end the apply,
// the rest are left to the next read.
func (r *run) step(ctx context.Context, err error, failures *int) error {
	if err == nil {
		*failures = 0
		return nil
	}
	if ends(ctx, err) {
		return err
	}
	*failures++
	r.cause = err
	return nil
}
