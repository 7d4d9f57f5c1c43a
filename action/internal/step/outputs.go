package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// maxPlan keeps the plan within GitHub's limit of 1 MiB for an output; a larger one
// is cut to its summary.
const maxPlan = 900 << 10

// outputNames are the outputs of action.yml, in its order.
var outputNames = []string{"status", "changed", "added", "removed", "failed", "plan"}

// finish writes the outputs and the summary, on failure too.
func (s *step) finish() error {
	plan, err := s.plan()
	sum := s.report.Summary()
	values := map[string]string{
		"status": s.report.Status(), "changed": strconv.FormatBool(sum.Changed),
		"added": strconv.Itoa(sum.Linkers.Added), "removed": strconv.Itoa(sum.Linkers.Removed),
		"failed": strconv.Itoa(len(s.report.Problems)), "plan": plan,
	}
	for _, name := range outputNames {
		err = errors.Join(err, s.platform.Output(name, values[name]))
	}
	return errors.Join(err, s.platform.Summary(s.report.Markdown()))
}

// plan is the JSON of everything that was found or done.
func (s *step) plan() (string, error) {
	document := map[string]any{"version": 1, "parts": s.report.Documents(), "summary": s.report.Summary(), "truncated": false}
	encoded, err := json.Marshal(document)
	if err == nil && len(encoded) > maxPlan {
		document["parts"], document["truncated"] = []any{}, true
		encoded, err = json.Marshal(document)
	}
	if err != nil {
		return "", fmt.Errorf("encode the plan: %w", err)
	}
	return string(encoded), nil
}
