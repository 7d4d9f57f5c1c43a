// Package installation keeps who installed the app, and the secrets that came
// with it.
//
// An installation is one workspace (or personal account) that has the Connect
// app. Losing its shared secret cuts the app off from that workspace for good,
// and mixing two up signs requests as another workspace, so every write is a
// compare-and-swap and nothing is ever deleted except on request ([Store.Purge]).
//
// The package does not speak HTTP to Bitbucket and does not decide who may
// install: package connect verifies, functions/lifecycle decides.
// Source: https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
package installation

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
)

// State tells whether the app is installed in the workspace now.
type State string

// The states of an installation. An uninstalled one is a tombstone: it keeps
// its last shared secret, because Bitbucket signs the next install with it.
const (
	Installed   State = "installed"
	Uninstalled State = "uninstalled"
)

// Installation is one workspace that has, or had, the app.
type Installation struct {
	AppKey string
	// ClientKey names a workspace's UUID in lower case: the store takes any case and
	// keeps one installation a workspace.
	ClientKey string
	Principal Principal
	State     State
	// SharedSecret signs and verifies. PreviousSecret verifies requests that were
	// signed just before a rotation. The store keeps it; a write ignores it.
	// Both are empty when a query left values out.
	SharedSecret   redact.Secret
	PreviousSecret redact.Secret
	// InstalledAt is the latest change to [Installed], UpdatedAt the latest change
	// of any kind. The store sets both; an import brings its own InstalledAt.
	InstalledAt time.Time
	UpdatedAt   time.Time
	// EventAt is the time of the latest event, by Bitbucket's clock; zero when no event
	// was signed. It orders events that overtake each other.
	EventAt time.Time
	// SignedAt is the time of the latest event since SharedSecret became the current
	// secret, without the one that brought it; zero when there is none. An event that is
	// signed with SharedSecret is older only when it is older than this.
	SignedAt time.Time
	// Version is the store's version of this state; a write names the one it read.
	Version string
}

// Errors that callers branch on. Each is wrapped with the client key.
var (
	// ErrNotFound: no installation has this client key, not even a tombstone.
	ErrNotFound = errors.New("installation not found")
	// ErrExists: Create met an installation, in whatever state.
	ErrExists = errors.New("installation exists already")
	// ErrConflict: another writer changed the installation since it was read. Read and decide again.
	ErrConflict = errors.New("installation was changed by another writer")
	// ErrUnavailable: the store could not be asked (throttled, refused, unreachable); nothing is known.
	ErrUnavailable = errors.New("installation store unavailable")
	// ErrTooManyUnknown: [Store.Find] was asked for too many unknown client keys within
	// a minute, and did not read this one.
	ErrTooManyUnknown = errors.New("too many requests with unknown client keys")
)

// Query selects installations for [Store.All]. The zero value means every
// installation of the app in any state, without secret values.
type Query struct {
	// State, when set, leaves the others out.
	State State
	// WithSecrets also reads the values: one AWS call per 20 installations.
	WithSecrets bool
}

// Store keeps installations. [SecretsManager] implements it; the interface
// exists so that another layout can follow (docs/decisions/0003-store-layout.md).
type Store interface {
	// Get returns the installation with its secrets, from the cache when it is
	// fresh. ErrNotFound for an unknown client key (cached too).
	Get(ctx context.Context, clientKey string) (Installation, error)
	// Find is Get for a request that claims to be the installation's. fits tells
	// whether it is, by its signature; for an unknown client key it is called with
	// the zero Installation. When it says no, Find looks past the cache, because
	// another process may just have rotated the secret. When the state has changed,
	// Find calls fits once more. Requests that don't fit cause at most one read a minute for a client key,
	// and a bounded number for all unknown ones together: more of those are
	// ErrTooManyUnknown. Find returns the state that fits was called with last.
	Find(ctx context.Context, clientKey string, fits func(Installation) bool) (Installation, error)
	// Create stores a new installation, or fails with ErrExists. event identifies
	// what caused the write: the same event twice is a no-op that succeeds and
	// returns what is in force. It is kept as a digest, and must hold no secret.
	Create(ctx context.Context, in Installation, event string) (Installation, error)
	// Update replaces the state whose Version in names, or fails with ErrConflict.
	// event is as for Create, and stays a no-op when others were applied since. Call
	// it for a redelivered event too: it finishes what a run that died left behind.
	Update(ctx context.Context, in Installation, event string) (Installation, error)
	// All streams installations; it holds one page in memory. One that can't be
	// read is yielded as an error, and the iteration goes on if the caller does; it
	// ends when nothing more can be listed.
	All(ctx context.Context, query Query) iter.Seq2[Installation, error]
	// Purge schedules a tombstone's deletion after the recovery window. It refuses
	// an installation that is installed.
	Purge(ctx context.Context, in Installation, recovery time.Duration) error
}
