package reconcile

import (
	"fmt"
	"strings"
)

// deed is something that a summary counts.
type deed struct {
	verb  string
	count int
}

// sentence of a plan says what would be done, and leaves out what is zero.
func (p Plan) sentence() string {
	s := p.Summary()
	none := "nothing to change"
	if s.Failed > 0 {
		none = ""
	}
	text := clauses(none,
		clause("value", deed{"add", s.Linkers.Added}, deed{"remove", s.Linkers.Removed}),
		clause("connection", deed{"create", s.Connections.Created}, deed{"update", s.Connections.Updated},
			deed{"rotate", s.Connections.Rotated}, deed{"adopt", s.Connections.Adopted}))
	if s.NeedsYes > 0 {
		text += fmt.Sprintf("; %d only with an explicit yes", s.NeedsYes)
	}
	if s.Failed > 0 {
		text = strings.TrimPrefix(text+fmt.Sprintf("; %d failed", s.Failed), "; ")
	}
	return "Plan: " + text + "."
}

// sentence of a result says what was done, and leaves out what is zero.
func (r Result) sentence() string {
	s := r.Summary()
	text := clauses("nothing changed",
		clause("value", deed{"added", s.Linkers.Added}, deed{"removed", s.Linkers.Removed}),
		clause("connection", deed{"created", s.Connections.Created}, deed{"updated", s.Connections.Updated},
			deed{"rotated", s.Connections.Rotated}, deed{"adopted", s.Connections.Adopted}))
	if s.Failed > 0 {
		text += fmt.Sprintf("; %d failed", s.Failed)
	}
	return "Result: " + text + "."
}

func clauses(none string, parts ...string) string {
	text := strings.Trim(strings.Join(parts, "; "), "; ")
	if text == "" {
		return none
	}
	return text
}

// clause names the noun once: "add 3 values, remove 1".
func clause(noun string, deeds ...deed) string {
	var parts []string
	for _, d := range deeds {
		switch {
		case d.count == 0:
		case len(parts) > 0:
			parts = append(parts, fmt.Sprintf("%s %d", d.verb, d.count))
		case d.count == 1:
			parts = append(parts, fmt.Sprintf("%s 1 %s", d.verb, noun))
		default:
			parts = append(parts, fmt.Sprintf("%s %d %ss", d.verb, d.count, noun))
		}
	}
	return strings.Join(parts, ", ")
}
