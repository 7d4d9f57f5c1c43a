package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// counting is something that a summary counts.
type counting struct {
	verb  string
	count int
}

// sentence of a plan says what would be done, and leaves out what is zero.
func (p Plan) sentence() string {
	s := p.Summary()
	return "Plan: " + clauses("nothing to change",
		clause("value", counting{"add", s.Linkers.Added}, counting{"remove", s.Linkers.Removed}),
		clause("connection", counting{"create", s.Connections.Created}, counting{"update", s.Connections.Updated},
			counting{"rotate", s.Connections.Rotated}, counting{"adopt", s.Connections.Adopted}),
		clause("sync", counting{"create", s.Syncs.Created}, counting{"update", s.Syncs.Updated}, counting{"adopt", s.Syncs.Adopted}, counting{"delete", s.Syncs.Deleted}),
		number(s.NeedsYes, "%d only with an explicit yes"),
		number(s.Failed-s.Connections.Failed-s.Syncs.Failed, "%d failed"),
		s.Connections.failures(), s.Syncs.failures())
}

// sentence of a result says what was done, and leaves out what is zero.
func (r Result) sentence() string {
	s := r.Summary()
	return "Result: " + clauses("nothing changed",
		clause("value", counting{"added", s.Linkers.Added}, counting{"removed", s.Linkers.Removed}),
		clause("connection", counting{"created", s.Connections.Created}, counting{"updated", s.Connections.Updated},
			counting{"rotated", s.Connections.Rotated}, counting{"adopted", s.Connections.Adopted}),
		clause("sync", counting{"created", s.Syncs.Created}, counting{"updated", s.Syncs.Updated}, counting{"adopted", s.Syncs.Adopted}, counting{"deleted", s.Syncs.Deleted}),
		number(s.Failed-s.Connections.Failed-s.Syncs.Failed, "%d failed"),
		s.Connections.failures(), s.Syncs.failures())
}

// failures says how many of how many connections failed.
func (c ConnectionCounts) failures() string {
	if c.Failed == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s failed", c.Failed, counted(c.total(), "connection"))
}

// clauses joins the parts that aren't empty; none stands for the lot of them.
func clauses(none string, parts ...string) string {
	said := slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	if len(said) == 0 {
		return none + "."
	}
	return strings.Join(said, "; ") + "."
}

func number(count int, format string) string {
	if count == 0 {
		return ""
	}
	return fmt.Sprintf(format, count)
}

// clause names the noun once: "add 3 values, remove 1".
func clause(noun string, counts ...counting) string {
	var parts []string
	for _, d := range counts {
		switch {
		case d.count == 0:
		case len(parts) > 0:
			parts = append(parts, fmt.Sprintf("%s %d", d.verb, d.count))
		default:
			parts = append(parts, d.verb+" "+counted(d.count, noun))
		}
	}
	return strings.Join(parts, ", ")
}

func counted(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}
