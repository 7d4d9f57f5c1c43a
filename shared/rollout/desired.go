package rollout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/s3object"
)

// ErrNoManifest says that neither the workspace nor the app has a manifest yet.
var ErrNoManifest = errors.New("no manifest in the bucket yet: put " + DefaultScope + " there")

// Desired reads and keeps the desired state: manifests in the deployment's bucket.
type Desired struct {
	Objects *s3object.Client
	// App is the deployment's app key; a manifest for another app is refused.
	App string
}

// State is the desired state of one workspace at the moment it was read.
type State struct {
	Manifest manifest.Manifest
	// Scope is the object that it came from, VersionID its version.
	Scope     string
	VersionID string
}

// Own returns the workspace's own manifest; found is false when it has none and
// the default counts. ErrRefused when the manifest isn't valid.
func (d Desired) Own(ctx context.Context, workspaceUUID string) (state State, found bool, err error) {
	object, err := d.Objects.Get(ctx, WorkspaceScope(workspaceUUID))
	if errors.Is(err, s3object.ErrNotFound) {
		return State{}, false, nil
	}
	if err != nil {
		return State{}, false, err
	}
	state, err = d.state(object)
	return state, true, err
}

// Default returns the manifest of every workspace that has none of its own, or
// ErrNoManifest. ErrRefused when it isn't valid.
func (d Desired) Default(ctx context.Context) (State, error) {
	object, err := d.Objects.Get(ctx, DefaultScope)
	if errors.Is(err, s3object.ErrNotFound) {
		return State{}, ErrNoManifest
	}
	if err != nil {
		return State{}, err
	}
	return d.state(object)
}

func (d Desired) state(object s3object.Object) (State, error) {
	parsed, err := d.Parse(object.Key, object.Body)
	return State{Manifest: parsed, Scope: object.Key, VersionID: object.VersionID}, err
}

// Current tells whether state is still the workspace's. A worker asks after
// it wrote: when it isn't, somebody changed the manifest meanwhile, and another
// worker may have applied the change before this one's writes.
func (d Desired) Current(ctx context.Context, workspaceUUID string, state State) (bool, error) {
	own := WorkspaceScope(workspaceUUID)
	object, err := d.Objects.Head(ctx, own)
	if errors.Is(err, s3object.ErrNotFound) && state.Scope == DefaultScope {
		object, err = d.Objects.Head(ctx, DefaultScope)
	}
	if errors.Is(err, s3object.ErrNotFound) {
		return false, nil
	}
	return object.Key == state.Scope && object.VersionID == state.VersionID, err
}

// Parse reads a manifest for this app. Errors are ErrRefused with every problem. One
// without linkers is refused, too: it says nothing about any value, and in the place of
// one that does it would end all upkeep without a word.
func (d Desired) Parse(name string, data []byte) (manifest.Manifest, error) {
	parsed, err := manifest.Parse(name, data, func(string) ([]byte, error) {
		return nil, fmt.Errorf("values_file can't be used in a stored manifest: list the values themselves (the action with via: event does it)")
	})
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if parsed.App != "" && parsed.App != d.App {
		return manifest.Manifest{}, fmt.Errorf("%w: %s is for the app %q, this deployment is for %q", ErrRefused, name, parsed.App, d.App)
	}
	if len(parsed.Linkers) == 0 {
		return manifest.Manifest{}, fmt.Errorf("%w: %s has no linkers, so nothing would be kept in order any more: list at least one", ErrRefused, name)
	}
	return parsed, nil
}

// Origin is where a manifest comes from.
type Origin struct {
	// Run is the run that keeps it, At when its event was sent, to the second.
	Run string
	At  time.Time
}

// keepAttempts bounds how often others may write to a scope between our look at it and
// our write. Each of them is an event or an upload of its own.
const keepAttempts = 5

// Keep stores a manifest as a scope's desired state and returns the version that is
// in force then. One that is there already, to the byte, keeps its version. Nothing
// is written when a later event's manifest was kept before, as events have no order,
// or when a run is repeated after somebody else wrote to the scope: either way the
// manifest was replaced by a newer one, and ours is false.
//
// Of two events the one sent later wins, to the second, also when both are worked on at
// the same moment. What was uploaded past them has no time and is compared with none.
func (d Desired) Keep(ctx context.Context, table *Table, origin Origin, scope string, data []byte) (versionID string, ours bool, err error) {
	for attempt := range keepAttempts {
		versionID, ours, err = d.keepOnce(ctx, table, origin, scope, data, attempt > 0)
		if !errors.Is(err, s3object.ErrReplaced) {
			return versionID, ours, err
		}
	}
	return "", false, err
}

// keepOnce is an attempt of Keep. ErrReplaced when somebody wrote between its look at
// the scope and its write; again says that this happened to the attempt before.
func (d Desired) keepOnce(ctx context.Context, table *Table, origin Origin, scope string, data []byte, again bool) (versionID string, ours bool, err error) {
	// The look comes before the note of the event's time: a later event that has written
	// since then was either noted before, and overtakes this one, or makes its write fail.
	present, err := d.Objects.Get(ctx, scope)
	if errors.Is(err, s3object.ErrNotFound) {
		present, err = s3object.Object{Key: scope}, nil
	}
	if err != nil {
		return "", false, err
	}
	overtaken, err := table.overtaken(ctx, d.App, scope, origin.At)
	if err != nil {
		return "", false, err
	}
	if same := present.ETag != "" && bytes.Equal(present.Body, data); same || overtaken {
		return present.VersionID, same, nil
	}
	replaces := present.VersionID
	if again {
		err = table.claimAnew(ctx, origin.Run, scope, present.VersionID)
	} else {
		replaces, err = table.Claim(ctx, origin.Run, scope, present.VersionID)
	}
	if err != nil || replaces != present.VersionID {
		return present.VersionID, false, err
	}
	stored, err := d.Objects.Replace(ctx, present, data)
	return stored.VersionID, err == nil, err
}
