package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// shown is how many values of a list the table names.
const shown = 4

// result is what the demonstration reads of one of apply's JSON documents: one for
// each workspace, and one for the connections.
type result struct {
	Installation struct{ Name string }
	Linkers      []struct {
		Linker         string
		Added, Removed []string
		Kept           int
	}
	Connections []struct{ Name, Action string }
}

// table prints what an apply changed, as its JSON tells it.
func table(out io.Writer, documents io.Reader) error {
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(rows, "WHERE\tWHAT\tNAME\tADDED\tREMOVED\tSTAYS")
	for decoder := json.NewDecoder(documents); ; {
		var r result
		err := decoder.Decode(&r)
		if errors.Is(err, io.EOF) {
			return rows.Flush()
		}
		if err != nil {
			return fmt.Errorf("read what apply printed: %w", err)
		}
		for _, l := range r.Linkers {
			_, _ = fmt.Fprintf(rows, "%s\tlinker\t%s\t%s\t%s\t%d\n", r.Installation.Name, l.Linker, list(l.Added), list(l.Removed), l.Kept)
		}
		for _, c := range r.Connections {
			_, _ = fmt.Fprintf(rows, "Infisical\tconnection\t%s\t%s\t\t\n", c.Name, c.Action)
		}
	}
}

// list counts values and names the first.
func list(values []string) string {
	text := fmt.Sprint(len(values))
	if len(values) == 0 {
		return text
	}
	text += ": " + strings.Join(values[:min(shown, len(values))], ", ")
	if len(values) > shown {
		text += ", …"
	}
	return text
}
