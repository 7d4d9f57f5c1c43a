package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/rollout"
)

// attempts is how often a person clicks on install again before giving up.
const attempts = 30

// maxMoves keeps a workspace's secret, and a token's, below the hundred versions that
// Secrets Manager keeps of the last day; an install in the second of another takes two.
const maxMoves = 40

// actor owns a few workspaces and does one thing after the other to them.
type actor struct {
	*world
	rng        *rand.Rand
	workspaces []string
	// moved counts the installs and uninstalls of each.
	moved map[string]int
}

func (w *world) newActor(n int) *actor {
	a := &actor{world: w, rng: w.rng(uint64(n)), moved: map[string]int{}}
	for i := range perActor {
		a.workspaces = append(a.workspaces, stack.Number(n*perActor+i))
	}
	return a
}

// live acts until ctx ends; what was begun is finished first.
func (a *actor) live(ctx context.Context) error {
	for ctx.Err() == nil {
		doing := context.WithoutCancel(ctx)
		workspace := a.workspaces[a.rng.IntN(len(a.workspaces))]
		if err := a.step(doing, workspace); err != nil {
			return fmt.Errorf("workspace %s: %w", workspace, err)
		}
		_ = pause(ctx, time.Duration(50+a.rng.IntN(250))*time.Millisecond) // the loop looks at ctx itself
	}
	return nil
}

func (a *actor) step(ctx context.Context, workspace string) error {
	choice := a.rng.IntN(100)
	a.mu.Lock()
	installed := a.installed[workspace]
	a.mu.Unlock()
	switch {
	case installed && (choice >= 30 || a.moved[workspace] >= maxMoves):
		return a.give(ctx, workspace)
	case !installed:
		a.moved[workspace]++
		return a.install(ctx, workspace, "installs")
	case choice < 15:
		a.moved[workspace]++
		return a.install(ctx, workspace, "reinstalls")
	}
	a.moved[workspace]++
	return a.uninstall(ctx, workspace)
}

func (a *actor) install(ctx context.Context, workspace, kind string) error {
	request := simbitbucket.Install{
		AppKey: appKey, BaseURL: a.stack.URL, Principal: stack.Workspace(workspace, "workspace"), SharedSecret: a.secret(a.rng, "installation"),
	}
	var err error
	for range attempts {
		if _, err = a.stack.Bitbucket.Install(ctx, request); err == nil {
			a.asked(kind, func() { a.installed[workspace] = true })
			return nil
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			break
		}
	}
	return err
}

func (a *actor) uninstall(ctx context.Context, workspace string) error {
	delivery, err := a.stack.Bitbucket.Uninstall(ctx, stack.ClientKey(appKey, workspace))
	a.asked("uninstalls", func() { a.installed[workspace] = false })
	for range attempts {
		if err == nil && delivery.Status < 300 {
			// A registered app's callbacks of one second have the same token, and the second
			// of two uninstalls counts as the first one again. People don't click that fast.
			return pause(ctx, time.Second)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		delivery, err = a.stack.Bitbucket.Redeliver(ctx, delivery)
	}
	return fmt.Errorf("uninstalled callback: status %d, %w", delivery.Status, err)
}

// give gives the workspace values of its own.
func (a *actor) give(ctx context.Context, workspace string) error {
	values := draw(a.rng)
	change := rollout.Change{Installations: []string{workspace}, Manifest: manifestOf(values)}
	if err := a.change(ctx, "changes of one", workspace, change, func() { a.own[workspace] = values }); err != nil {
		return err
	}
	return a.kept(ctx, rollout.WorkspaceScope(workspace), manifestOf(values))
}

// last gives each of the installed workspaces values for the last time: nothing
// comes after them that would repair what they left undone.
func (a *actor) last(ctx context.Context) error {
	for _, workspace := range a.workspaces {
		a.mu.Lock()
		installed := a.installed[workspace]
		a.mu.Unlock()
		if !installed {
			continue
		}
		if err := a.give(ctx, workspace); err != nil {
			return fmt.Errorf("workspace %s: %w", workspace, err)
		}
	}
	return nil
}

// kept waits until a manifest is the desired state: events have no order, so who
// wants one has to wait.
func (w *world) kept(ctx context.Context, scope, manifest string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	objects, err := w.objects()
	if err != nil {
		return err
	}
	for {
		object, err := objects.Get(ctx, scope)
		if err == nil && string(object.Body) == manifest {
			return nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("%s is not kept after a minute: %w", scope, err)
		}
	}
}

// draw makes a list of values; a few, so that no prune is too large.
func draw(rng *rand.Rand) []string {
	values := []string{}
	for i := range 12 {
		if rng.IntN(3) == 0 {
			values = append(values, fmt.Sprintf("V%d", i))
		}
	}
	return append(values, fmt.Sprintf("N%d", rng.IntN(1_000_000)))
}

// manifestOf desires exactly the values for "issues", and at least them for "builds".
func manifestOf(values []string) string {
	list := strings.Join(values, ", ")
	return fmt.Sprintf("version: 1\nlinkers:\n  - {key: issues, prune: true, values: [%s]}\n  - {key: builds, values: [%s]}\n", list, values[len(values)-1])
}
