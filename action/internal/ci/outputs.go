package ci

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// outputNames are the outputs of action.yml, in its order.
var outputNames = []string{"status", "changed", "added", "removed", "failed", "plan"}

// finish annotates the failures, the same one once, and writes the outputs and the
// summary, on failure too.
func (s *step) finish() error {
	for _, problem := range s.report.Problems() {
		s.platform.Annotate(platform.Annotation{
			Level: platform.Error, Title: problem.Subject(), Message: problem.Message,
			File: problem.File, Line: problem.Position.Line, Column: problem.Position.Column,
		})
	}
	if sentence := s.report.Last(); sentence != "" {
		_, _ = fmt.Fprintln(s.out, sentence)
	}
	plan, err := s.report.Plan()
	sum := s.report.Summary()
	values := map[string]string{
		"status": s.report.Status(), "changed": strconv.FormatBool(sum.Changed),
		"added": strconv.Itoa(sum.Linkers.Added), "removed": strconv.Itoa(sum.Linkers.Removed),
		"failed": strconv.Itoa(s.report.Failed()), "plan": plan,
	}
	for _, name := range outputNames {
		err = errors.Join(err, s.platform.Output(name, values[name]))
	}
	return errors.Join(err, s.platform.Summary(s.report.Markdown()))
}
