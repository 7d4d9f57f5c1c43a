package bitbucket

// Switches choose what is documented nowhere, and what Bitbucket is doing today.
// The zero value is the likeliest Bitbucket with nothing wrong.
type Switches struct {
	// Put is what a bulk PUT of linker values does to the values it doesn't name.
	Put PutMode
	// Item is the shape of a linker value in answers, and of one in a POST's body.
	Item ItemShape
	// List is the shape of a list of linkers or of linker values.
	List ListShape
	// Bulk is the only body that a bulk PUT accepts; others are answered with 400.
	Bulk BulkShape
	// Removed is the state of the deprecated endpoints under /2.0/addon/linkers.
	Removed Removal
	// HourlyBudget is how many authenticated calls one installation or user may
	// make in a rolling hour before it gets 429. Zero means no limit.
	HourlyBudget int
}

// PutMode is what a bulk PUT does to values that are there and not in its body.
type PutMode int

// The two readings of "Bulk update linker values".
const (
	PutReplace PutMode = iota
	PutMerge
)

// ItemShape is how one linker value looks.
type ItemShape int

// The shapes of a value. With ItemString a list tells no ids at all.
const (
	ItemValue  ItemShape = iota // {"id": 1, "value": "BB"}
	ItemKey                     // {"id": 1, "key": "BB"}
	ItemName                    // {"id": 1, "name": "BB"}
	ItemString                  // "BB"
)

// field is the name that carries the value, or "" for a plain string.
func (s ItemShape) field() string {
	switch s {
	case ItemKey:
		return "key"
	case ItemName:
		return "name"
	case ItemString:
		return ""
	default:
		return "value"
	}
}

// ListShape is how a list looks.
type ListShape int

// The shapes of a list. ListMinimal has only what the documentation guarantees,
// values and next. ListBare is one array of everything, without pages.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination
const (
	ListEnvelope ListShape = iota
	ListMinimal
	ListBare
)

// BulkShape is the body that a bulk PUT takes.
type BulkShape int

// The bodies of a bulk PUT. Objects have the field of [Switches].Item.
const (
	BulkStrings        BulkShape = iota // ["BB", "OPS"]
	BulkObjects                         // [{"value": "BB"}, …]
	BulkWrappedStrings                  // {"values": ["BB", "OPS"]}
	BulkWrappedObjects                  // {"values": [{"value": "BB"}, …]}
)

// Removal is how the linker endpoints answer once Bitbucket has taken them away.
type Removal int

// The stages of the removal that was announced for May 2026. RemovedGone is how
// another endpoint of the same API answers since its removal; the 404s are what else
// a removed route may do: with the deprecation's text, or as a URL never heard of.
const (
	NotRemoved Removal = iota
	RemovedGone
	RemovedNotFound
	RemovedUnknownURL
)

// Configure changes the switches; calls under way finish with the old ones.
func (s *Server) Configure(change func(*Switches)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.switches)
}

// Switches returns the switches as they are now.
func (s *Server) Switches() Switches {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.switches
}
