package status

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// width is how many columns a terminal is sure to have.
const width = 80

// maxRows bounds each list on a terminal, unless all are asked for.
const maxRows = 20

// WriteText writes the report for a terminal of 80 columns: first what needs a
// person, then one line. Without all, long lists are cut, and the cut is said.
func (r Report) WriteText(w io.Writer, colour, all bool) error {
	r.Sort()
	text := &textWriter{w: w, colour: colour, all: all}
	if r.Endpoints.Detail != "" {
		text.printf("Linker endpoints: %s. %s\n\n", healthName(r.Endpoints.Health), r.Endpoints.Detail)
	}
	text.table("CONNECTION\tTOKEN EXPIRES\tUSED BY\tHEALTH", len(r.Connections), func(i int) string {
		c := r.Connections[i]
		expires := "unknown"
		if !c.Expires.IsZero() {
			expires = c.Expires.UTC().Format("2006-01-02")
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s", shorten(c.Name, 30), expires, users(c), text.health(c.Of(r.At)))
	}, func(i int) []string { return connectionDetails(r.Connections[i]) })
	text.table("INSTALLATION\tSTATE\tLAST OUTCOME\tLINKERS", len(r.Installations), func(i int) string {
		in := r.Installations[i]
		return fmt.Sprintf("%s\t%s\t%s\t%s", shorten(in.label(), 30), in.state(), shorten(in.Outcome, 12), text.linkers(in))
	}, func(i int) []string { return present(r.Installations[i].Detail) })
	text.table("RUN\tSTARTED\tTOTAL\tFAILED\tPHASE", len(r.Runs), func(i int) string {
		run := r.Runs[i]
		return fmt.Sprintf("%s\t%s\t%d\t%d\t%s", shorten(run.ID, 14), run.Started.UTC().Format("2006-01-02 15:04"), run.Total, run.Failed, run.Phase)
	}, func(i int) []string { return present(r.Runs[i].Note) })
	for _, problem := range r.Errors {
		text.wrap("Not read: " + problem)
	}
	text.wrap(r.Summary().Sentence)
	return text.err
}

func (i Installation) label() string {
	if i.Name != "" {
		return i.Name
	}
	return i.Workspace
}

func (i Installation) state() string {
	if i.Moved {
		return "moved"
	}
	return i.State
}

func users(c Connection) string {
	count := map[string]int{}
	for _, user := range c.Users {
		count[user.Kind]++
	}
	var parts []string
	for _, kind := range []string{"sync", "scan"} {
		switch n := count[kind]; {
		case n == 1:
			parts = append(parts, "1 "+kind)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, kind))
		}
	}
	if len(parts) == 0 {
		return "nothing known"
	}
	return strings.Join(parts, ", ")
}

func connectionDetails(c Connection) []string {
	lines := present(c.Detail)
	for _, user := range c.Users {
		if user.Health == Failed {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s fails: %s", user.Kind, user.Name, user.Detail)))
		}
	}
	return lines
}

func present(line string) []string {
	if line == "" {
		return nil
	}
	return []string{line}
}

// textWriter keeps the first error of many writes.
type textWriter struct {
	w           io.Writer
	colour, all bool
	err         error
}

func (t *textWriter) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

// table writes rows under a heading, each with its details below it.
func (t *textWriter) table(heading string, rows int, row func(int) string, details func(int) []string) {
	if rows == 0 || t.err != nil {
		return
	}
	shown := rows
	if !t.all {
		shown = min(rows, maxRows)
	}
	aligned := &strings.Builder{}
	columns := tabwriter.NewWriter(aligned, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(columns, heading)
	for i := range shown {
		_, _ = fmt.Fprintln(columns, row(i))
	}
	_ = columns.Flush() // into memory
	lines := strings.Split(strings.TrimRight(aligned.String(), "\n"), "\n")
	t.printf("%s\n", strings.TrimRight(lines[0], " "))
	for i, line := range lines[1:] {
		t.printf("%s\n", strings.TrimRight(line, " "))
		for _, detail := range details(i) {
			t.wrap("  " + detail)
		}
	}
	if rows > shown {
		t.printf("%d more, in order or less urgent; --all shows them.\n", rows-shown)
	}
	t.printf("\n")
}

// wrap writes a line in at most 80 columns, indented as its beginning is.
func (t *textWriter) wrap(line string) { t.printf("%s\n", platform.Wrap(line, width)) }

// linkers is empty for a workspace that removed the app.
func (t *textWriter) linkers(in Installation) string {
	if in.State == "uninstalled" {
		return ""
	}
	return t.health(in.Linkers)
}

// health is a health in a word, coloured on a terminal. It is the last column of
// each table, because a colour's bytes would misalign what follows.
func (t *textWriter) health(h Health) string {
	if !t.colour {
		return healthName(h)
	}
	code := map[Health]string{OK: "32", Unknown: "2", Attention: "33", Failed: "31"}[h]
	return "\x1b[" + code + "m" + healthName(h) + "\x1b[0m"
}
