package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/failure"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// output is standard output. It remembers the first write that failed, because a
// line that a full disk swallowed must not end in success. Safe for concurrent use.
type output struct {
	io.Writer

	mu  sync.Mutex
	err error
}

// Write implements io.Writer.
func (o *output) Write(data []byte) (int, error) {
	n, err := o.Writer.Write(data)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	return n, err
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// print hands on one result: an element of the document's results, or text for people.
func (inv *invocation) print(value any, text func(io.Writer)) error {
	if inv.json {
		return inv.document.Result(value)
	}
	text(inv.process.Stdout)
	return nil
}

// printAll hands on a list: an element for each of its values, or text for all of them.
func printAll[T any](inv *invocation, values []T, text func(io.Writer)) error {
	if !inv.json {
		text(inv.process.Stdout)
		return nil
	}
	for _, value := range values {
		if err := inv.document.Result(value); err != nil {
			return err
		}
	}
	return nil
}

// sum keeps what the run ends with: the document's summary, which is an object, and the
// sentence that is its last line for people.
func (inv *invocation) sum(summary any, format string, args ...any) {
	inv.summary, inv.sentence = summary, fmt.Sprintf(format, args...)
}

// sumList is sum of a verb that lists. A list that goes into a pipe ends with its last
// row, unless it is empty.
func (inv *invocation) sumList(count int, format string, args ...any) {
	inv.sum(map[string]int{"count": count}, format, args...)
	inv.rowsOnly = count > 0 && !inv.outTerminal
}

// fail takes in a failure that keeps the verb from nothing else. The same failure in
// several places is printed once, when the verb has ended.
func (inv *invocation) fail(problem document.Problem, where string, err error) {
	problem.Message, problem.Hint = err.Error(), inv.hintFor(err)
	if problem.Place == "" {
		problem.Place = "workspace"
	}
	if failure.Passing(err) {
		inv.passing++
	}
	inv.problems.Add(problem, where)
}

// end prints the failures and the last line, or ends the document.
func (inv *invocation) end() error {
	if inv.json {
		summary, err := inv.wholeSummary()
		if err != nil {
			return err
		}
		return inv.document.End(summary, inv.problems.List())
	}
	problems := inv.problems.List()
	for i, problem := range problems {
		inv.printProblem(problem)
		if next := i + 1; problem.Hint != "" && (next == len(problems) || problems[next].Hint != problem.Hint) {
			_, _ = fmt.Fprintf(inv.process.Stderr, "  %s\n", problem.Hint)
		}
	}
	if inv.sentence != "" && !inv.rowsOnly {
		_, _ = fmt.Fprintln(inv.process.Stdout, inv.sentence)
	}
	return nil
}

// wholeSummary adds to the verb's own summary what every one has.
func (inv *invocation) wholeSummary() (map[string]any, error) {
	whole := map[string]any{}
	if inv.summary != nil {
		encoded, err := json.Marshal(inv.summary)
		if err == nil {
			err = json.Unmarshal(encoded, &whole)
		}
		if err != nil {
			return nil, fmt.Errorf("encode the summary: %w", err)
		}
	}
	if inv.sentence != "" {
		whole["sentence"] = inv.sentence
	}
	if own, is := whole["failed"].(float64); !is || int(own) < inv.problems.Total() {
		whole["failed"] = inv.problems.Total()
	}
	return whole, nil
}

// printProblem prints a failure in a line, and the places below it where there are
// several.
func (inv *invocation) printProblem(p document.Problem) {
	out, at := inv.process.Stderr, cmp.Or(p.At(), "linkersync")
	if subject := p.Subject(); subject != "" {
		at += ": " + subject
	}
	_, _ = fmt.Fprintf(out, "%s: %s\n", platform.Printable(at), printable(p.Message))
	if p.Count == 1 {
		return
	}
	shown := p.Where
	if !inv.all {
		shown = shown[:min(len(shown), reconcile.MaxShown)]
	}
	for _, where := range shown {
		_, _ = fmt.Fprintf(out, "    %s\n", platform.Printable(where))
	}
	if more := p.Count - len(shown); more > 0 && len(p.Where) > 0 {
		_, _ = fmt.Fprintf(out, "    and %d more\n", more)
	}
}

// printable is a message of one line or more, without what steers a terminal: errors hold
// words of others.
func printable(message string) string {
	lines := strings.Split(message, "\n")
	for i, line := range lines {
		lines[i] = platform.Printable(line)
	}
	return strings.Join(lines, "\n")
}
