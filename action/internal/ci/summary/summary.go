// Package summary makes the Markdown that a reviewer takes in at a glance: a table
// of what is added, removed, stays and failed, long lists folded.
package summary

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// maxRows keeps the table readable, and the summary under GitHub's 1 MiB.
	maxRows = 200
	// maxListed values are shown as they are; more are folded.
	maxListed = 5
	// maxSize is where rows end: GitHub takes no summary above 1 MiB.
	maxSize = 512 << 10
	// maxProblem is the most characters of one problem's text.
	maxProblem = 1000
	// maxFolded values are in a fold; more are counted.
	maxFolded = 200
	docs      = "https://github.com/linkersync/linkersync/blob/main/docs/action.md#when-it-fails"
)

// Report is what is shown of everything that a step found and did. It counts all and
// keeps a bounded number of bytes, so a fleet of any size costs the same memory.
type Report struct {
	Command     string
	PullRequest bool
	// Unseen says what a run without secrets could not look at.
	Unseen string
	// Notes are what was left out, and is no failure.
	Notes []string
	// Run is the deployment's, when it did the work.
	Run *rollout.Run

	parts, workspaces int
	total             reconcile.Summary
	tables            [ranks]table
	documents         documents
	problems          document.Problems
}

// Add takes in a part.
func (r *Report) Add(part apply.Part) {
	r.parts++
	if part.Plan.Installation != nil {
		r.workspaces++
	}
	r.total = r.total.Plus(part.Summary())
	r.tables[rank(part)].add(rows(part))
	r.documents.add(part)
}

// Fail takes in a failure, and the workspace where it happened, unless that is empty.
func (r *Report) Fail(problem document.Problem, workspace string) {
	problem.Message, problem.Place = cut(problem.Message), "workspace"
	r.problems.Add(problem, workspace)
}

// Problems are the failures, the same one once.
func (r *Report) Problems() []document.Problem { return r.problems.List() }

// Last is the last line of the log; empty when there was nothing to look at.
func (r *Report) Last() string {
	if r.parts == 0 {
		return ""
	}
	return r.Summary().Sentence(r.Command != "plan", r.workspaces)
}

// Failed is how many problems there were, or installations that failed in the
// deployment's run, of which one problem tells.
func (r *Report) Failed() int {
	if r.Run != nil {
		return max(r.problems.Total(), r.Run.Failed)
	}
	return r.problems.Total()
}

// Summary counts all parts, and what failed besides them.
func (r *Report) Summary() reconcile.Summary {
	total := r.total
	total.Failed = max(total.Failed, r.Failed())
	if r.Run != nil {
		total.Linkers.Added += r.Run.Added
		total.Linkers.Removed += r.Run.Removed
		total.Changed = total.Changed || r.Run.Changed+r.Run.Added+r.Run.Removed > 0
	}
	return total
}

// Status is the output of that name: failed, changed or unchanged. For a plan,
// changed means that an apply would change something.
func (r *Report) Status() string {
	switch {
	case r.problems.Total() > 0:
		return "failed"
	case r.Summary().Changed:
		return "changed"
	}
	return "unchanged"
}

// Markdown is the job summary.
func (r *Report) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "## linkersync: %s\n\n%s\n", r.title(), r.sentence())
	if r.Unseen != "" {
		fmt.Fprintf(&out, "\n> [!NOTE]\n> %s\n", r.Unseen)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&out, "\n> [!WARNING]\n> %s\n", escape(note))
	}
	r.writeRun(&out)
	r.writeTable(&out)
	r.writeProblems(&out)
	return out.String()
}

func (r *Report) writeTable(out *strings.Builder) {
	count, shown := 0, 0
	for _, table := range r.tables {
		count += table.count
	}
	if count == 0 {
		return
	}
	out.WriteString("\n| | what | where | added | removed | stays |\n| --- | --- | --- | --- | --- | ---: |\n")
	for _, table := range r.tables {
		for _, row := range table.rows {
			if shown < maxRows && out.Len()+len(row) <= maxSize {
				out.WriteString(row)
				shown++
			}
		}
	}
	if count > shown {
		fmt.Fprintf(out, "\n…and %d more.\n", count-shown)
	}
}

func (r *Report) title() string {
	switch {
	case r.Command == "":
		return "not started"
	case r.problems.Total() > 0:
		return r.Command + " failed"
	case r.Command == "plan" && r.PullRequest:
		return "plan for this pull request"
	}
	return r.Command
}

func (r *Report) sentence() string {
	switch {
	case r.parts == 0 && r.Run == nil && r.Failed() > 0:
		return "Nothing was done."
	case r.Unseen != "":
		return "The manifest is valid."
	case r.Command == "export":
		return "The manifests are in the output folder."
	case r.Run != nil:
		return "The deployment's functions did the work."
	}
	return r.Summary().Sentence(r.Command != "plan", r.workspaces)
}

func (r *Report) writeRun(out *strings.Builder) {
	if r.Run == nil {
		return
	}
	fmt.Fprintf(out, "\nRun `%s`: %d installations; %d changed, %d unchanged, %d failed, %d skipped; %d values added, %d removed.\n",
		r.Run.ID, r.Run.Total, r.Run.Changed, r.Run.Unchanged, r.Run.Failed, r.Run.Skipped, r.Run.Added, r.Run.Removed)
}

func (r *Report) writeProblems(out *strings.Builder) {
	problems := r.Problems()
	if len(problems) == 0 {
		return
	}
	out.WriteString("\n### What failed\n\n")
	for _, problem := range problems {
		message := problem.Message
		if at := problem.At(); at != "" {
			message = at + ": " + message
		}
		fmt.Fprintf(out, "- **%s**: %s\n", escape(cmp.Or(problem.Subject(), "more")), escape(message))
		if problem.Count > 1 && len(problem.Where) > 0 {
			fmt.Fprintf(out, "  %s\n", values(problem.Where))
		}
	}
	fmt.Fprintf(out, "\nWhat to do about it: %s\n", docs)
}

func cut(text string) string {
	if runes := []rune(text); len(runes) > maxProblem {
		return string(runes[:maxProblem]) + "…"
	}
	return text
}
