package setup

// The names that a manifest can't name, for the test of the documents.
var (
	ReservedPrefixes = reservedPrefixes
	ReservedNames    = reservedNames
)
