// Package manifest reads linkersync.yaml: what the linkers' values, the Infisical
// connections and the secret syncs should be. It reports every problem of a file at once,
// each with its line and column, and it refuses secrets in the file: a token is
// a [Reference] to where the secret lives.
//
// It knows nothing of what is there now: comparing is package reconcile.
package manifest

// Bounds of a manifest. Bitbucket documents no limits for linkers (see the
// Addon API's page). Those here are far above what people need, and stop accidents.
// The limits of connections are from Infisical's API reference.
const (
	// MaxFileSize is in bytes, of the manifest and of each values file.
	MaxFileSize = 4 << 20
	// MaxEntries bounds a manifest's lines and list entries, comments left out. With
	// one more, parsing would need more memory than the functions have.
	MaxEntries = 150_000
	// MaxLinkers, MaxConnections and MaxSyncs are per manifest.
	MaxLinkers     = 100
	MaxConnections = 500
	MaxSyncs       = 2_000
	// MaxValues is per linker, inline and from its file together.
	MaxValues = 100_000
	// MaxKeyLength is in bytes, of an app key and of a linker's.
	MaxKeyLength = 128
	// MaxValueLength is in bytes, of a linker value.
	MaxValueLength = 255
	// MaxNameLength is in bytes, of a connection's name.
	MaxNameLength = 64
	// MaxSyncNameLength and MaxKeySchemaLength are in bytes.
	MaxSyncNameLength  = 256
	MaxKeySchemaLength = 255
	// MaxDescriptionLength is in characters. Infisical takes 256; the rest is for
	// the mark by which linkersync recognises its own connections.
	MaxDescriptionLength = 200
	// MaxEmailLength is in characters.
	MaxEmailLength = 255
	// MaxSecretSize is in bytes, of what a reference points at: Secrets Manager's limit.
	MaxSecretSize = 64 << 10
	// MaxReferenceLength is in bytes, of a reference's text.
	MaxReferenceLength = 1024
	// MaxProblems is how many problems of a file are told one by one.
	MaxProblems = 100
)

// Manifest is the desired state of one app.
type Manifest struct {
	// App is the Connect app's key; it must agree with the deployment's when both are set.
	App string
	// Linkers are in the order of the file, with unique keys.
	Linkers []Linker
	// Connections are in the order of the file, unique by project and name.
	Connections []Connection
	// Syncs are in the order of the file, unique by project and name.
	Syncs []Sync
	// PruneConnections deletes the app's connections that are not listed, in the projects
	// that the listed ones are in, unless something uses them. Without it they stay.
	PruneConnections bool
	// PruneSyncs deletes the app's syncs that are not listed, in the projects that the
	// listed ones are in. Without it they stay.
	PruneSyncs bool
	// Path is the file that the manifest was read from, for messages.
	Path string
}

// Linker is the desired state of one linker of the app's descriptor.
type Linker struct {
	Key string
	// Values are unique, match [\w\-]+ and are in the order of the file: inline
	// ones first, then those of values_file.
	Values []string
	// Prune deletes values that are there and not listed. Without it they stay.
	Prune bool
	// Position is where the linker stands in the file.
	Position Position
}

// Connection is the desired state of one Infisical App Connection.
type Connection struct {
	Name        string
	ProjectID   string
	Description string
	// Email is the Atlassian account's that the token belongs to.
	Email string
	// Token tells where the Bitbucket API token is.
	Token Reference
	// Uses say what the token is for: sync, scan. They decide which scopes are checked.
	Uses []string
	// Adopt permits taking over a connection of this name that linkersync did not make.
	Adopt    bool
	Position Position
}

// Position is a place in a file; both numbers start at 1.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}
