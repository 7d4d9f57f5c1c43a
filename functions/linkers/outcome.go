package main

import (
	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/shared/rollout"
)

// outcomeOf is what a message that is finished, or buried, counts as.
func outcomeOf(applied rollout.Applied, err error) rollout.Outcome {
	switch {
	case skipped(err):
		return rollout.Skipped
	case err != nil:
		return rollout.Failed
	case changed(applied):
		return rollout.Changed
	}
	return rollout.Unchanged
}

func tally(counts map[metrics.Name]int, applied rollout.Applied) {
	result := resultOf(applied)
	counts[metricOf(result.Outcome)]++
	counts[metrics.ValuesAdded] += result.Added
	counts[metrics.ValuesRemoved] += result.Removed
}

// resultOf sums what an installation's linkers took.
func resultOf(applied rollout.Applied) rollout.Result {
	result := rollout.Result{Outcome: applied.Outcome}
	for _, linker := range applied.Linkers {
		result.Added += linker.Added
		result.Removed += linker.Removed
	}
	return result
}

func metricOf(outcome rollout.Outcome) metrics.Name {
	switch outcome {
	case rollout.Changed:
		return metrics.InstallationsChanged
	case rollout.Unchanged:
		return metrics.InstallationsUnchanged
	case rollout.Failed:
		return metrics.InstallationsFailed
	}
	return metrics.InstallationsSkipped
}
