package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/manifest"
)

// LinkerValues is the part of [bitbucket.Client] that brings a linker's values
// to their target. There is no "delete all" in it, on purpose: between that and
// the next write a workspace would have no links.
type LinkerValues interface {
	LinkerValues(ctx context.Context, linkerKey string) iter.Seq2[bitbucket.LinkerValue, error]
	CreateLinkerValue(ctx context.Context, linkerKey, value string) (bitbucket.LinkerValue, error)
	UpdateLinkerValues(ctx context.Context, linkerKey string, values []string) error
	DeleteLinkerValue(ctx context.Context, linkerKey string, id int64) error
}

// LinkerPlan is what separates one linker from its desired values.
type LinkerPlan struct {
	Linker string `json:"linker"`
	// Add is missing at Bitbucket, in the manifest's order.
	Add []string `json:"add"`
	// Remove is at Bitbucket, not in the manifest, and pruned; sorted.
	Remove []string `json:"remove"`
	// Keep counts the values that are there and stay, Unlisted among them.
	Keep int `json:"keep"`
	// Unlisted counts the values that stay only because the linker doesn't prune.
	Unlisted int `json:"unlisted"`
	// NeedsYes: applying fails with [PruneGuardError] unless [Options.AllowPrune].
	NeedsYes bool `json:"needs_yes"`
	// Error is the text of the error that came with the plan. All that is known of
	// such a linker is its key and Position; a plan that is kept shows it as failed.
	Error string `json:"error,omitempty"`
	// Position is where the manifest names the linker.
	Position manifest.Position `json:"position"`

	desired manifest.Linker
	want    wanted
	// extra are the values that are there and not wanted, by value and id.
	extra []bitbucket.LinkerValue
}

// Changed tells whether applying the plan would call anything.
func (p LinkerPlan) Changed() bool { return len(p.Add)+len(p.Remove) > 0 }

// have is how many distinct values Bitbucket listed.
func (p LinkerPlan) have() int { return p.Keep + len(p.Remove) }

// PlanLinker compares a linker with its desired values. It reads the values
// once, as a stream, and writes nothing.
//
// The error is [ValuesError] when a desired value can't be sent, before any
// call, and [ErrTooManyValues] when the linker would become too large to be read
// again; otherwise it wraps the client's, [bitbucket.ErrNotFound] for a linker
// that the app's descriptor doesn't have. The plan that comes with it says so, too.
func PlanLinker(ctx context.Context, api LinkerValues, desired manifest.Linker) (LinkerPlan, error) {
	want, err := check(desired)
	if err != nil {
		return unplanned(desired, err)
	}
	plan, err := compare(ctx, api, desired, want)
	if after := plan.Keep + len(plan.Add); err == nil && len(plan.Add) > 0 && after > manifest.MaxValues {
		return unplanned(desired, fmt.Errorf("linker %q would have %d values, %w: list fewer, or set prune: true", desired.Key, after, ErrTooManyValues))
	}
	return plan, err
}

// ErrTooManyValues says that a linker would have more values than [manifest.MaxValues].
var ErrTooManyValues = fmt.Errorf("and %d are the most that linkersync keeps", manifest.MaxValues)

func unplanned(desired manifest.Linker, err error) (LinkerPlan, error) {
	return LinkerPlan{
		Linker: desired.Key, Position: desired.Position, Add: []string{}, Remove: []string{}, Error: err.Error(),
	}, err
}

func compare(ctx context.Context, api LinkerValues, desired manifest.Linker, want wanted) (LinkerPlan, error) {
	there := make([]bool, len(want.values))
	var extra []bitbucket.LinkerValue
	for value, err := range api.LinkerValues(ctx, desired.Key) {
		if err != nil {
			return unplanned(desired, readError(desired.Key, err))
		}
		if value.Value == "" {
			// Taking it for a value that nobody wants would delete it.
			return unplanned(desired, readError(desired.Key, errUnreadable))
		}
		if place, wanted := want.places[value.Value]; wanted {
			there[place] = true
			continue
		}
		extra = append(extra, value)
	}
	return newLinkerPlan(desired, want, there, extra), nil
}

var errUnreadable = errors.New("bitbucket listed a value without text; pin the shape of its bodies")

func readError(linkerKey string, err error) error {
	if errors.Is(err, bitbucket.ErrNotFound) {
		return fmt.Errorf("read values of linker %q: the app's descriptor has no linker with this key, correct the manifest or update the app: %w", linkerKey, err)
	}
	return fmt.Errorf("read values of linker %q: %w", linkerKey, err)
}

func newLinkerPlan(desired manifest.Linker, want wanted, there []bool, extra []bitbucket.LinkerValue) LinkerPlan {
	slices.SortFunc(extra, func(a, b bitbucket.LinkerValue) int {
		return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.ID, b.ID))
	})
	// A page that shifted while it was read lists a value twice with one id.
	plan := LinkerPlan{
		Linker: desired.Key, Position: desired.Position, Add: []string{}, Remove: []string{},
		desired: desired, want: want, extra: slices.Compact(extra),
	}
	for i, listed := range there {
		if !listed {
			plan.Add = append(plan.Add, want.values[i])
		}
	}
	plan.Keep = len(want.values) - len(plan.Add)
	if desired.Prune {
		plan.Remove = names(plan.extra)
	} else {
		plan.Unlisted = len(names(plan.extra))
		plan.Keep += plan.Unlisted
	}
	plan.NeedsYes = tooMany(len(plan.Remove), plan.have())
	return plan
}

// names are the distinct values of a sorted list; Bitbucket may hold one value
// under several ids.
func names(sorted []bitbucket.LinkerValue) []string {
	out := make([]string, 0, len(sorted))
	for _, value := range sorted {
		if len(out) == 0 || out[len(out)-1] != value.Value {
			out = append(out, value.Value)
		}
	}
	return out
}
