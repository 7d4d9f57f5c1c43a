package reconcile

// Summary counts what a plan would do, or what a result did and didn't.
type Summary struct {
	// Changed: there is something to do, or something was done.
	Changed bool `json:"changed"`
	// Failed counts the linkers and connections with an error.
	Failed int `json:"failed"`
	// NeedsYes counts those that are refused without an explicit yes; results
	// have them among Failed.
	NeedsYes    int              `json:"needs_yes"`
	Linkers     LinkerCounts     `json:"linkers"`
	Connections ConnectionCounts `json:"connections"`
	Syncs       SyncCounts       `json:"syncs,omitzero"`
}

// LinkerCounts counts linkers, changed or not, and their values.
type LinkerCounts struct {
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Added     int `json:"values_added"`
	Removed   int `json:"values_removed"`
	Kept      int `json:"values_kept"`
}

// ConnectionCounts counts connections by what they need or got.
type ConnectionCounts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Rotated   int `json:"rotated"`
	Adopted   int `json:"adopted"`
	Deleted   int `json:"deleted,omitzero"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed,omitzero"`
}

// Summary counts the plan.
func (p Plan) Summary() Summary {
	var s Summary
	for _, linker := range p.Linkers {
		if linker.Error != "" {
			s.Failed++
			continue
		}
		s.countLinker(linker.Changed(), len(linker.Add), len(linker.Remove), linker.Keep)
		s.countYes(linker.NeedsYes)
	}
	for _, connection := range p.Connections {
		if connection.Error != "" {
			s.Failed++
			s.Connections.Failed++
			continue
		}
		s.countConnection(connection.Action)
		s.countYes(connection.NeedsYes)
	}
	for _, sync := range p.Syncs {
		s.countSync(sync.Action, sync.NeedsYes, sync.Error)
	}
	return s
}

// Summary counts the result. A linker that failed half-way counts as failed and,
// with what is known to have changed, as changed.
func (r Result) Summary() Summary {
	var s Summary
	for _, linker := range r.Linkers {
		if linker.Error != "" {
			s.Failed++
		}
		if linker.Error == "" || linker.Changed() {
			s.countLinker(linker.Changed(), len(linker.Added), len(linker.Removed), linker.Kept)
		}
	}
	for _, connection := range r.Connections {
		if connection.Error != "" {
			s.Failed++
			s.Connections.Failed++
			continue
		}
		s.countConnection(connection.Action)
	}
	for _, sync := range r.Syncs {
		s.countSync(sync.Action, false, sync.Error)
	}
	return s
}

// Plus adds the summary of another installation.
func (s Summary) Plus(other Summary) Summary {
	s.Changed = s.Changed || other.Changed
	s.Failed += other.Failed
	s.NeedsYes += other.NeedsYes
	s.Linkers.Changed += other.Linkers.Changed
	s.Linkers.Unchanged += other.Linkers.Unchanged
	s.Linkers.Added += other.Linkers.Added
	s.Linkers.Removed += other.Linkers.Removed
	s.Linkers.Kept += other.Linkers.Kept
	s.Connections.Created += other.Connections.Created
	s.Connections.Updated += other.Connections.Updated
	s.Connections.Rotated += other.Connections.Rotated
	s.Connections.Adopted += other.Connections.Adopted
	s.Connections.Deleted += other.Connections.Deleted
	s.Connections.Unchanged += other.Connections.Unchanged
	s.Connections.Failed += other.Connections.Failed
	s.Syncs = s.Syncs.plus(other.Syncs)
	return s
}

func (s *Summary) countLinker(changed bool, added, removed, kept int) {
	s.Linkers.Added += added
	s.Linkers.Removed += removed
	s.Linkers.Kept += kept
	if !changed {
		s.Linkers.Unchanged++
		return
	}
	s.Linkers.Changed++
	s.Changed = true
}

func (s *Summary) countConnection(action Action) {
	counts := map[Action]*int{
		Create: &s.Connections.Created, Update: &s.Connections.Updated, Rotate: &s.Connections.Rotated,
		Adopt: &s.Connections.Adopted, Delete: &s.Connections.Deleted, None: &s.Connections.Unchanged,
	}
	if count, known := counts[action]; known {
		*count++
	}
	s.Changed = s.Changed || action != None
}

func (s *Summary) countYes(needed bool) {
	if needed {
		s.NeedsYes++
	}
}
