package reconcile

import (
	"strings"

	"github.com/linkersync/linkersync/shared/manifest"
)

// SyncResult is what an apply did to one secret sync.
type SyncResult struct {
	Name      string `json:"name"`
	ProjectID string `json:"project_id"`
	ID        string `json:"id,omitempty"`
	// Action is what was done; with an Error, what was to be done.
	Action Action   `json:"action"`
	Fields []string `json:"fields"`
	// Risks are the plan's, which somebody said yes to.
	Risks []string `json:"risks"`
	// Outcome says, with an Error, what is known about the write.
	Outcome Outcome `json:"outcome,omitempty"`
	// Drift is the plan's.
	Drift string `json:"drift,omitempty"`
	// Error is the text of the error that kept the action from being done.
	Error    string            `json:"error,omitempty"`
	Position manifest.Position `json:"position,omitzero"`

	err error
}

// Cause is the error whose text is in Error.
func (r SyncResult) Cause() error { return r.err }

// Changed tells whether the apply changed the sync.
func (r SyncResult) Changed() bool { return r.Action != None && r.Error == "" }

// SyncCounts counts secret syncs by what they need or got.
type SyncCounts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Adopted   int `json:"adopted"`
	Deleted   int `json:"deleted"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed,omitzero"`
}

// Total is how many syncs there are.
func (c SyncCounts) Total() int { return c.Changed() + c.Unchanged + c.Failed }

// Changed is how many need something, or got it.
func (c SyncCounts) Changed() int { return c.Created + c.Updated + c.Adopted + c.Deleted }

// plus adds those of another plan or result.
func (c SyncCounts) plus(other SyncCounts) SyncCounts {
	return SyncCounts{
		c.Created + other.Created, c.Updated + other.Updated, c.Adopted + other.Adopted,
		c.Deleted + other.Deleted, c.Unchanged + other.Unchanged, c.Failed + other.Failed,
	}
}

// countSync counts one; failure is its error's text.
func (s *Summary) countSync(action Action, needsYes bool, failure string) {
	if failure != "" {
		s.Failed++
		s.Syncs.Failed++
		return
	}
	counts := map[Action]*int{
		Create: &s.Syncs.Created, Update: &s.Syncs.Updated, Adopt: &s.Syncs.Adopted,
		Delete: &s.Syncs.Deleted, None: &s.Syncs.Unchanged,
	}
	*counts[action]++
	s.Changed = s.Changed || action != None
	s.countYes(needsYes)
}

func (p SyncPlan) line(style Style) line {
	l := syncLine(p.Name, p.ProjectID, p.Action, string(p.Action), p.Fields, p.Drift)
	if p.NeedsYes && p.Action == Adopt {
		who := "linkersync did not make it"
		if p.Owner != "" {
			who = visible(p.Owner) + " owns it"
		}
		l.notes = append(l.notes, who+": needs "+style.Adopt)
	}
	for _, risk := range p.Risks {
		if risk = visible(risk); p.NeedsYes {
			risk += ": needs " + style.AllowSyncRisks
		}
		l.notes = append(l.notes, risk)
	}
	if len(p.Unknown) > 0 {
		l.notes = append(l.notes, "unknown: "+visible(strings.Join(p.Unknown, "; ")))
	}
	return l
}

func (r SyncResult) line() line {
	return syncLine(r.Name, r.ProjectID, r.Action, r.Action.done(), r.Fields, r.Drift)
}

func syncLine(name, projectID string, action Action, what string, fields []string, drift string) line {
	l := connectionLine(name, projectID, action, what, fields)
	l.kind = "sync"
	if action == Delete {
		l.sign = signRemove
	}
	if drift != "" {
		l.notes = append(l.notes, drift)
	}
	return l
}
