package reconcile

import "encoding/json"

// Target is the installation that a plan or result is of.
type Target struct {
	ClientKey string `json:"client_key"`
	// Workspace is the workspace's or user's UUID, with braces.
	Workspace string `json:"workspace"`
	// Name is for people.
	Name string `json:"name,omitempty"`
}

// Plan is what one installation, the connections, or both need. The linkers of
// many installations are many plans: none is kept in memory while the next is made.
type Plan struct {
	// Installation is nil when the plan has no linkers.
	Installation *Target
	Linkers      []LinkerPlan
	Connections  []ConnectionPlan
	Syncs        []SyncPlan
}

// Result is what an apply did.
type Result struct {
	// Installation is nil when the result has no linkers.
	Installation *Target
	Linkers      []LinkerResult
	Connections  []ConnectionResult
	Syncs        []SyncResult
}

// document is the JSON form of both.
type document[L, C, S any] struct {
	Kind         string  `json:"kind"`
	Installation *Target `json:"installation,omitempty"`
	Linkers      []L     `json:"linkers"`
	Connections  []C     `json:"connections"`
	Syncs        []S     `json:"syncs,omitempty"`
	Changed      bool    `json:"changed"`
}

// MarshalJSON writes {"kind":"plan",…}.
func (p Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(document[LinkerPlan, ConnectionPlan, SyncPlan]{
		Kind: "plan", Installation: p.Installation,
		Linkers: orEmpty(p.Linkers), Connections: orEmpty(p.Connections), Syncs: p.Syncs, Changed: p.Summary().Changed,
	})
}

// MarshalJSON writes {"kind":"result",…}.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(document[LinkerResult, ConnectionResult, SyncResult]{
		Kind: "result", Installation: r.Installation,
		Linkers: orEmpty(r.Linkers), Connections: orEmpty(r.Connections), Syncs: r.Syncs, Changed: r.Summary().Changed,
	})
}

// orEmpty keeps null out of the JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
