package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// world is one random Bitbucket, a state of it, and what it should become.
type world struct {
	server  *fakeBitbucket
	desired manifest.Linker
	options reconcile.Options
	target  []string
	// fatal is what the fault ends with, if it ends the apply.
	fatal error
	// odd: values in different case may be one to this Bitbucket.
	odd bool
}

var alphabet = []string{"A", "a", "B", "b", "OPS", "ops", "Ops", "x-1", "X-1", "long_value-1"}

func randomValues(r *rand.Rand, most int) []string {
	var values []string
	for range r.IntN(most + 1) {
		value := alphabet[r.IntN(len(alphabet))]
		if r.IntN(3) > 0 {
			value += fmt.Sprint(r.IntN(60))
		}
		values = append(values, value)
	}
	slices.Sort(values)
	values = slices.Compact(values)
	r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	return values
}

func randomWorld(t *testing.T, r *rand.Rand) *world {
	pick := func(n int) bool { return r.IntN(n) == 0 }
	actual := randomValues(r, 60)
	w := &world{
		server:  newFake(t),
		desired: manifest.Linker{Key: "jira", Values: randomValues(r, 60), Prune: pick(2)},
		options: reconcile.Options{AllowPrune: pick(2), Sleep: awake(nil).Sleep},
	}
	w.server.put = []putMode{putReplaces, putMerges, putDoes204, putRefuses}[r.IntN(4)]
	w.server.casing = []caseMode{caseSensitive, caseSensitive, caseFolds, caseLowers}[r.IntN(4)]
	w.server.hideIDs = pick(4)
	w.odd = w.server.casing != caseSensitive
	if w.odd { // such a server can't hold both
		actual = distinctFold(actual)
	}
	if w.server.casing == caseLowers {
		for i := range actual {
			actual[i] = strings.ToLower(actual[i])
		}
	}
	w.server.insert(actual...)
	if pick(4) && len(actual) > 0 && !w.odd { // one value under two ids
		w.server.insert(actual[0])
	}
	if pick(6) {
		refused := alphabet[r.IntN(len(alphabet))]
		w.server.refuses = func(value string) bool { return strings.HasPrefix(value, refused) }
	}
	w.target = w.desired.Values
	w.server.stay = intersect(w.desired.Values, actual)
	if !w.desired.Prune {
		w.target = slices.Concat(w.desired.Values, actual)
		w.server.stay = actual
	}
	w.target = slices.Compact(slices.Sorted(slices.Values(w.target)))
	w.randomFaults(r)
	return w
}

// randomFaults breaks up to half of the calls, and sometimes all from the nth on.
func (w *world) randomFaults(r *rand.Rand) {
	share := []float64{0, 0, 0.1, 0.3, 0.5}[r.IntN(5)]
	dies := 0
	if r.IntN(4) == 0 {
		dies = 1 + r.IntN(40)
	}
	passing := []error{errReset, bitbucket.ErrServer, bitbucket.ErrTimeout, bitbucket.ErrUnknownShape}
	ending := []error{bitbucket.ErrRateLimited, bitbucket.ErrEndpointRemoved, bitbucket.ErrUnauthorized}[r.IntN(3)]
	w.server.fault = func(n int, op string) *broken {
		if dies > 0 && n >= dies {
			w.fatal = ending
			return &broken{fmt.Errorf("answer: %w", ending), false}
		}
		if r.Float64() >= share {
			return nil
		}
		failure := &broken{passing[r.IntN(len(passing))], r.IntN(2) == 0}
		if op == "list" { // a failing read ends an apply, whatever it is
			w.fatal = failure.err
		}
		return failure
	}
}

func distinctFold(values []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(values, func(value string) bool {
		lower := strings.ToLower(value)
		defer func() { seen[lower] = true }()
		return seen[lower]
	})
}

func lowered(values []string) []string {
	var out []string
	for _, value := range values {
		out = append(out, strings.ToLower(value))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(value string) bool { return slices.Contains(b, value) })
}

func intersect(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(value string) bool { return !slices.Contains(b, value) })
}

// TestApplyEndsInTheTargetOrANamedError for any Bitbucket that we can think of,
// any state of it, any target and any faults; and no single write on the way
// deletes a value that should stay (the fake watches that). Runs that follow end
// in the target, or say what is left and why.
func TestApplyEndsInTheTargetOrANamedError(t *testing.T) {
	t.Parallel()
	reached, explained, guarded, ended := 0, 0, 0, 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := randomWorld(t, r)
		result, err := reconcile.ApplyLinker(t.Context(), w.server, w.desired, w.options)
		w.check(t, seed, result, err)
		w.server.fault, w.fatal = nil, nil
		for range 3 {
			result, err = reconcile.ApplyLinker(t.Context(), w.server, w.desired, w.options)
			w.check(t, seed, result, err)
		}
		switch {
		case err == nil:
			reached++
		case is[*reconcile.NotConvergedError](err):
			explained++
			w.checkExplained(t, seed, err)
		case is[*reconcile.PruneGuardError](err):
			guarded++
		default:
			ended++
			t.Errorf("seed %d: without faults: %v", seed, err)
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s PUT, case %s, ids hidden %v, prune %v, calls %v", seed, w.server.put, w.server.casing, w.server.hideIDs, w.desired.Prune, w.server.calls)
		}
	}
	t.Logf("target reached %d times, left explained %d times, guarded %d times", reached, explained, guarded)
	if reached < 150 || explained < 150 || guarded < 50 {
		t.Error("the random worlds miss an outcome")
	}
}

// check holds one run to the promises.
func (w *world) check(t *testing.T, seed uint64, result reconcile.LinkerResult, err error) {
	t.Helper()
	switch {
	case err == nil:
		want, got := w.target, w.server.values()
		if w.odd { // What is wanted may have come in place of the same in another case.
			if missing := without(w.desired.Values, got); len(missing) > 0 {
				t.Errorf("seed %d: no error, and %v are missing", seed, missing)
			}
			want, got = lowered(want), lowered(got)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("seed %d: no error, and the values are (-want +got):\n%s", seed, diff)
		}
		if !result.Verified {
			t.Errorf("seed %d: no error, and not verified", seed)
		}
	case is[*reconcile.NotConvergedError](err):
	case is[*reconcile.PruneGuardError](err):
		if w.options.AllowPrune || !w.desired.Prune {
			t.Errorf("seed %d: guarded although permitted", seed)
		}
	case w.fatal == nil || !errors.Is(err, w.fatal):
		t.Errorf("seed %d: got %v, want one that wraps %v", seed, err, w.fatal)
	}
	if most := 8 * 250; len(w.server.calls) > most {
		t.Errorf("seed %d: %d calls", seed, len(w.server.calls))
	}
}

// checkExplained: in a quiet world every value that is left has a reason.
func (w *world) checkExplained(t *testing.T, seed uint64, err error) {
	t.Helper()
	var left *reconcile.NotConvergedError
	errors.As(err, &left)
	if !w.odd && !w.server.hideIDs && w.server.refuses == nil {
		t.Errorf("seed %d: nothing is in the way, and yet: %v", seed, err)
	}
	for _, l := range slices.Concat(left.Missing, left.Extra) {
		if l.Reason == "" {
			t.Errorf("seed %d: no reason for %q: %v", seed, l.Value, err)
		}
	}
}

// TestApplyRepairsAnEarlierRun that died at any of its calls, for every kind of
// PUT: before the call had an effect, or after.
func TestApplyRepairsAnEarlierRun(t *testing.T) {
	t.Parallel()
	desired := pruned(numbered("P", 30)...)
	actual := slices.Concat(numbered("P", 15), numbered("OLD", 15))
	for _, put := range []putMode{putReplaces, putMerges, putDoes204, putRefuses} {
		for at := 1; at < 80; at++ {
			server := newFake(t, actual...)
			server.put = put
			ctx, die := context.WithCancel(t.Context())
			server.fault = func(n int, _ string) *broken {
				if n < at {
					return nil
				}
				die()
				return &broken{context.Canceled, n%2 == 0}
			}
			_, err := reconcile.ApplyLinker(ctx, server, desired, awake(nil))
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("%s, died at %d: %v", put, at, err)
			}
			server.fault = nil
			options := awake(nil)
			options.AllowPrune = true // what is left may be most of it
			if _, err := reconcile.ApplyLinker(t.Context(), server, desired, options); err != nil {
				t.Fatalf("%s, died at %d, second run: %v", put, at, err)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(desired.Values)), server.values()); diff != "" {
				t.Fatalf("%s, died at %d (-want +got):\n%s", put, at, diff)
			}
		}
	}
}
