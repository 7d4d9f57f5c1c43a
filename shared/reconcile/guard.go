package reconcile

import (
	"fmt"
	"slices"
)

// A prune is large when it deletes more than half of what is there and more
// than ten values: a list that was cut short by accident looks like that, and a
// small linker that changes its only values doesn't.
const (
	guardShare = 0.5
	guardCount = 10
)

func tooMany(remove, have int) bool {
	return remove > guardCount && float64(remove) > guardShare*float64(have)
}

// PruneGuardError refuses a prune that deletes most of what is there. Nothing
// was deleted.
type PruneGuardError struct {
	Linker string
	// What is pruned, such as connections; empty means the linker's values.
	What string
	// Remove of Have values would be deleted.
	Remove, Have int
}

func (e *PruneGuardError) Error() string {
	if e.What != "" {
		return fmt.Sprintf("prune %s: it would delete %d of %d, more than half; if the manifest is right, allow the prune explicitly", e.What, e.Remove, e.Have)
	}
	return fmt.Sprintf("prune linker %q: it would delete %d of %d values, more than half; if the list is right, allow the prune explicitly",
		e.Linker, e.Remove, e.Have)
}

// guard asks again in every round, but only for values that the first plan
// didn't show: what was allowed once stays allowed while it shrinks.
func (r *run) guard(plan LinkerPlan) error {
	if r.options.AllowPrune {
		return nil
	}
	count := len(plan.Remove)
	if r.result.Writes > 0 {
		for _, value := range plan.Remove {
			if _, shown := slices.BinarySearch(r.first.Remove, value); shown {
				count--
			}
		}
	}
	if tooMany(count, plan.have()) {
		return &PruneGuardError{Linker: plan.Linker, Remove: count, Have: plan.have()}
	}
	return nil
}
