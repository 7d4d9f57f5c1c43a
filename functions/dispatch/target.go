package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

// target is which installations a run looks at, and which state of the desired
// state caused it.
type target struct {
	// workspaces are the wanted ones, in lower case, with their scope's revision; nil
	// means all.
	workspaces map[string]scope
	// all is the scope of a run over all installations.
	all scope
	// replaced counts the scopes in which the order's manifest isn't in force, because
	// one that was sent later is stored.
	replaced int
	now      time.Time
}

type scope struct {
	name     string
	revision int64
	// allowPrune is the version for which a large prune was allowed, if it was.
	allowPrune string
}

// resolve makes the bucket hold what the order wants, and records it as the
// newest state. errIgnored when another run is in charge of this state already,
// or a newer one has replaced it.
func (h *handler) resolve(ctx context.Context, o order) (target, error) {
	t := target{now: h.now().UTC()}
	if len(o.workspaces) > 0 {
		t.workspaces = map[string]scope{}
		for _, uuid := range o.workspaces {
			t.workspaces[strings.ToLower(uuid)] = scope{}
		}
	}
	switch {
	case o.stored != nil:
		return h.resolveStored(ctx, o, t)
	case o.manifest != "":
		return h.keepInline(ctx, o, t)
	case o.task == queue.TaskValues && len(o.workspaces) == 0:
		return t, h.checkDefault(ctx)
	}
	return t, nil
}

// checkDefault refuses a run over all installations whose default manifest is not valid:
// once, here, and not in a dead letter for each installation. Without a default manifest
// there may still be workspaces with their own.
func (h *handler) checkDefault(ctx context.Context) error {
	if _, err := h.desired.Default(ctx); !errors.Is(err, rollout.ErrNoManifest) {
		return err
	}
	return nil
}

// resolveStored takes a manifest that is in the bucket.
func (h *handler) resolveStored(ctx context.Context, o order, t target) (target, error) {
	uuid, err := rollout.ScopeWorkspace(o.stored.Key)
	if errors.Is(err, rollout.ErrNotManifest) {
		return t, fmt.Errorf("%w: the object %q is never read: name it %q, or installations/{<workspace uuid>}.yaml", rollout.ErrRefused, o.stored.Key, rollout.DefaultScope)
	}
	if err != nil {
		return t, err
	}
	if _, named := t.workspaces[uuid]; uuid != "" && t.workspaces != nil && (!named || len(t.workspaces) > 1) {
		return t, fmt.Errorf("%w: %q is the manifest of one workspace, and the event names others: leave them out", rollout.ErrRefused, o.stored.Key)
	}
	object, err := h.storedObject(ctx, *o.stored)
	if err != nil {
		return t, err
	}
	if _, err := h.desired.Parse(o.stored.Key, object.Body); err != nil {
		return t, err
	}
	if uuid == "" && t.workspaces != nil {
		// To all others the object's own event brings it, so this run isn't in charge of it.
		for named := range t.workspaces {
			t.workspaces[named] = o.scope("", 0, object.VersionID, true)
		}
		return t, nil
	}
	resolved, err := h.advance(ctx, o, object.VersionID)
	if err != nil {
		return t, err
	}
	if uuid != "" {
		t.workspaces = map[string]scope{uuid: resolved}
	} else {
		t.all = resolved
	}
	return t, nil
}

// storedObject reads the object that an event names, unless it is there no more.
func (h *handler) storedObject(ctx context.Context, at rollout.Location) (rollout.Object, error) {
	object, err := h.desired.Objects.Get(ctx, at.Key)
	switch missing := errors.Is(err, rollout.ErrNoObject); {
	case missing && at.VersionID != "":
		return object, fmt.Errorf("%w: %s was deleted since", errIgnored, at.Key)
	case missing:
		return object, fmt.Errorf("%w: %s is not in the manifest bucket: put it there first", rollout.ErrRefused, at.Key)
	case err != nil:
		return object, err
	case at.VersionID != "" && at.VersionID != object.VersionID:
		return object, fmt.Errorf("%w: %s has a newer version, whose own event counts", errIgnored, at.Key)
	}
	return object, nil
}

// keepInline keeps a manifest that came with the event: for the workspaces that
// the event names, or as everybody's.
func (h *handler) keepInline(ctx context.Context, o order, t target) (target, error) {
	if _, err := h.desired.Parse("event", []byte(o.manifest)); err != nil {
		return t, err
	}
	keep := func(name string) (scope, error) {
		version, ours, err := h.desired.Keep(ctx, rollout.Origin{Run: o.run, At: o.at}, name, []byte(o.manifest))
		if err != nil {
			return scope{}, err
		}
		if !ours {
			t.replaced++
		}
		revision, _, err := h.table.Advance(ctx, h.app, name, version, o.run)
		return o.scope(name, revision, version, ours), err
	}
	if len(o.workspaces) == 0 {
		var err error
		t.all, err = keep(rollout.DefaultScope)
		return t, err
	}
	for uuid := range t.workspaces {
		resolved, err := keep(rollout.WorkspaceScope(uuid))
		if err != nil {
			return t, err
		}
		t.workspaces[uuid] = resolved
	}
	return t, nil
}

// advance records the stored version as the newest of its scope on behalf of the run.
// Without allow_prune, a version that another run already took is ignored. With it the
// version is applied again, because the permission is new.
func (h *handler) advance(ctx context.Context, o order, version string) (scope, error) {
	revision, owner, err := h.table.Advance(ctx, h.app, o.stored.Key, version, o.run)
	if err != nil {
		return scope{}, err
	}
	if owner != o.run && !o.allowPrune {
		return scope{}, fmt.Errorf("%w: run %s is in charge of this version of %s", errIgnored, owner, o.stored.Key)
	}
	return o.scope(o.stored.Key, revision, version, true), nil
}

// scope is a resolved one. ours is false when its version holds another manifest than
// the order's: allow_prune is not for that one.
func (o order) scope(name string, revision int64, version string, ours bool) scope {
	resolved := scope{name: name, revision: revision}
	if o.allowPrune && ours {
		resolved.allowPrune = version
	}
	return resolved
}

// missing says how many of the named workspaces got no message.
func (t target) missing(queued int) string {
	if len(t.workspaces) <= queued {
		return ""
	}
	return fmt.Sprintf("the app is not installed in %d of the %d workspaces", len(t.workspaces)-queued, len(t.workspaces))
}

// overtaken says where the order's manifest isn't in force, because one that was sent
// later is stored; "" when it is in force everywhere.
func (t target) overtaken() string {
	switch {
	case t.replaced == 0:
		return ""
	case len(t.workspaces) > 1:
		return fmt.Sprintf("a newer manifest is in force in %d of the %d workspaces, not this one", t.replaced, len(t.workspaces))
	}
	return "a newer manifest is in force, not this one"
}

// messages makes one message for each wanted installation of a page that has none
// yet. Tombstones get none.
func (t target) messages(run string, o order, page []installation.Installation, seen *rollout.Seen) []queue.Message {
	var messages []queue.Message
	for _, in := range page {
		because, wanted := t.all, true
		if t.workspaces != nil {
			because, wanted = t.workspaces[string(in.Principal.UUID)]
		}
		if !wanted || in.State != installation.Installed || !seen.Add(in.ClientKey) {
			continue
		}
		message := o.addon
		message.Run, message.Task, message.ClientKey, message.Since = run, o.task, in.ClientKey, t.now
		message.Scope, message.Revision, message.AllowPrune = because.name, because.revision, because.allowPrune
		messages = append(messages, message)
	}
	return messages
}
