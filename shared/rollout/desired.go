package rollout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkersync/linkersync/shared/manifest"
)

// ErrNoManifest says that neither the workspace nor the app has a manifest yet.
var ErrNoManifest = errors.New("no manifest in the bucket yet: put " + DefaultScope + " there")

// Desired reads and keeps the desired state: manifests in the deployment's bucket.
type Desired struct {
	Objects Objects
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
	if errors.Is(err, ErrNoObject) {
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
	if errors.Is(err, ErrNoObject) {
		return State{}, ErrNoManifest
	}
	if err != nil {
		return State{}, err
	}
	return d.state(object)
}

func (d Desired) state(object Object) (State, error) {
	parsed, err := d.Parse(object.Key, object.Body)
	return State{Manifest: parsed, Scope: object.Key, VersionID: object.VersionID}, err
}

// Current tells whether state is still the workspace's. A worker asks after
// it wrote: when it isn't, the manifest changed meanwhile, and another worker may have
// applied the change before this one's writes.
func (d Desired) Current(ctx context.Context, workspaceUUID string, state State) (bool, error) {
	scope := WorkspaceScope(workspaceUUID)
	version, err := d.Objects.Version(ctx, scope)
	if errors.Is(err, ErrNoObject) && state.Scope == DefaultScope {
		scope = DefaultScope
		version, err = d.Objects.Version(ctx, scope)
	}
	if errors.Is(err, ErrNoObject) {
		return false, nil
	}
	return scope == state.Scope && version == state.VersionID, err
}

// Parse reads a manifest for this app. Errors are ErrRefused with every problem. A
// manifest without linkers is refused, too: stored in the place of one that has some, it
// would end all upkeep without a word.
func (d Desired) Parse(name string, data []byte) (manifest.Manifest, error) {
	parsed, err := manifest.Parse(name, data, func(string) ([]byte, error) {
		return nil, errors.New("values_file can't be used in a stored manifest: list the values themselves (the action with via: event does it)")
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
	// Run is the run that keeps it, At when its event was sent.
	Run string
	At  time.Time
}

// second is the origin's time as it is stored and compared. EventBridge and S3 tell
// times in seconds.
func (o Origin) second() time.Time { return o.At.UTC().Truncate(time.Second) }

// keepAttempts bounds how often others may write to a scope between our look at it and
// our write. Each of them is an event or an upload of its own.
const keepAttempts = 5

// Keep stores a manifest as a scope's desired state and returns the version that is
// in force then. ours is false, and nothing is written, when the manifest that is stored
// was sent or uploaded later, or when this run wrote before and was replaced since.
//
// Of all that was sent and could be stored, what was sent last is in force. The time
// stands in the object itself, so a write that fails leaves no trace. What was sent in
// one second counts in the order in which it is stored.
func (d Desired) Keep(ctx context.Context, origin Origin, scope string, data []byte) (versionID string, ours bool, err error) {
	for range keepAttempts {
		var present Object
		present, err = d.Objects.Get(ctx, scope)
		if errors.Is(err, ErrNoObject) {
			present, err = Object{Key: scope}, nil
		}
		if err != nil {
			return "", false, err
		}
		same := present.ETag != "" && bytes.Equal(present.Body, data)
		switch age := present.Sent.Compare(origin.second()); {
		case age > 0, same && age == 0, age == 0 && slices.Contains(present.runs, origin.Run):
			return present.VersionID, same, nil
		}
		versionID, err = d.Objects.Replace(ctx, present, origin, data)
		if !errors.Is(err, ErrReplaced) {
			return versionID, err == nil, err
		}
	}
	return "", false, err
}
