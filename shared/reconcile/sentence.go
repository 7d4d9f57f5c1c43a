package reconcile

import (
	"fmt"
	"strings"
)

// Sentence is the last line of a plan, or of an apply, over so many workspaces:
// "Plan: 250 to add, 0 to remove, 1 connection to create, in 1 workspace."
func (s Summary) Sentence(applied bool, workspaces int) string {
	begin, nothing := "Plan: ", "nothing to change"
	if applied {
		begin, nothing = "Apply: ", "nothing changed"
	}
	failed := ""
	if s.Failed > 0 {
		failed = fmt.Sprintf("%d failed", s.Failed) + s.shares()
	}
	clauses := s.clauses(applied)
	if clauses == nil && failed != "" {
		clauses, failed = []string{failed}, ""
	} else if clauses == nil {
		clauses = []string{nothing}
	}
	if workspaces > 0 {
		clauses = append(clauses, "in "+counted(workspaces, "workspace"))
	}
	text := begin + strings.Join(clauses, ", ")
	if s.NeedsYes > 0 && !applied {
		text += fmt.Sprintf("; %d only with a yes", s.NeedsYes)
	}
	if failed != "" {
		text += "; " + failed
	}
	return text + "."
}

// shares says how many of how many failed in Infisical.
func (s Summary) shares() string {
	var parts []string
	c := s.Connections
	for _, share := range []struct {
		failed, total int
		noun          string
	}{
		{c.Failed, c.Created + c.Updated + c.Rotated + c.Adopted + c.Unchanged + c.Failed, "connection"},
		{s.Syncs.Failed, s.Syncs.Total(), "sync"},
	} {
		if share.failed > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s", share.failed, counted(share.total, share.noun)))
		}
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// clauses are what would change, or did; nil for nothing.
func (s Summary) clauses(applied bool) (clauses []string) {
	word := func(action Action) string { return "to " + string(action) }
	values := "%d to add, %d to remove"
	if applied {
		word, values = Action.done, "%d added, %d removed"
	}
	if s.Linkers.Added+s.Linkers.Removed > 0 {
		clauses = append(clauses, fmt.Sprintf(values, s.Linkers.Added, s.Linkers.Removed))
	}
	for _, c := range []struct {
		count  int
		noun   string
		action Action
	}{
		{s.Connections.Created, "connection", Create},
		{s.Connections.Updated, "connection", Update},
		{s.Connections.Rotated, "connection", Rotate},
		{s.Connections.Adopted, "connection", Adopt},
		{s.Connections.Deleted, "connection", Delete},
		{s.Syncs.Created, "sync", Create},
		{s.Syncs.Updated, "sync", Update},
		{s.Syncs.Adopted, "sync", Adopt},
		{s.Syncs.Deleted, "sync", Delete},
	} {
		if c.count > 0 {
			clauses = append(clauses, counted(c.count, c.noun)+" "+word(c.action))
		}
	}
	return clauses
}

func counted(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}
