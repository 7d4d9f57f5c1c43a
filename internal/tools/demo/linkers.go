package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	simbitbucket "github.com/linkersync/linkersync/internal/simulator/bitbucket"
	"github.com/linkersync/linkersync/internal/simulator/stack"
	desired "github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/rollout"
)

// message is a commit's message in the workspace.
const message = "PROJ-12: read UTF-8 names, as build:nightly-7 asks"

// links installs the app and applies the manifest.
func (d *demo) links(ctx context.Context) error {
	delivery, err := d.stack.Bitbucket.Install(ctx, simbitbucket.Install{
		AppKey: appKey, BaseURL: d.stack.URL, Principal: stack.Workspace(workspace, name),
	})
	if err != nil {
		return err
	}
	d.clientKey = delivery.ClientKey
	d.say("POST /installed is answered %d. A commit message in the workspace:", delivery.Status)
	if err := d.picture(); err != nil {
		return err
	}
	if err := d.command(ctx, "apply", "--file", manifest, "--installation", "all"); err != nil {
		return err
	}
	d.say("The same message. PROJ and nightly are values of linkers now, UTF is not:")
	return d.picture()
}

// picture draws the message with the links that the workspace's values make.
func (d *demo) picture() error {
	in, _ := d.stack.Bitbucket.Installation(d.clientKey)
	found, err := linksIn(descriptor, message, in.Values)
	if err == nil {
		draw(d.out, message, found, func(text string) string { return d.paint(link, text) })
	}
	return err
}

// drift is repaired by the deployment, which has the manifest in its bucket.
func (d *demo) drift(ctx context.Context) error {
	want, err := d.putManifest(ctx)
	if err != nil {
		return err
	}
	in, _ := d.stack.Bitbucket.Installation(d.clientKey)
	in.Values = map[string][]string{"issues": {"UTF"}, "builds": in.Values["builds"]}
	if err := d.stack.Bitbucket.Seed(simbitbucket.State{Installations: []simbitbucket.Installation{in}}); err != nil {
		return err
	}
	d.say("Somebody writes UTF into the linker issues, and nothing else:")
	if err := d.picture(); err != nil {
		return err
	}
	d.say("The schedule wakes dispatch, dispatch queues a message, linkers takes it:")
	if err := d.stack.Tick(d.stack.Dispatch); err != nil {
		return err
	}
	if err := d.until(ctx, "the values are as wanted", func() (bool, error) {
		in, _ := d.stack.Bitbucket.Installation(d.clientKey)
		have := slices.Sorted(slices.Values(in.Values["issues"]))
		return slices.Equal(have, want), nil
	}); err != nil {
		return err
	}
	return d.picture()
}

// putManifest puts the manifest's linkers into the bucket, waits for the run that this
// causes, and returns the values of the linker issues.
func (d *demo) putManifest(ctx context.Context) ([]string, error) {
	loaded, err := desired.Load(manifest)
	if err != nil {
		return nil, err
	}
	encoded, err := desired.Encode(desired.Manifest{App: loaded.App, Linkers: loaded.Linkers})
	if err != nil {
		return nil, err
	}
	objects, err := d.stack.Objects()
	if err != nil {
		return nil, err
	}
	if _, err := objects.Put(ctx, rollout.DefaultScope, encoded); err != nil {
		return nil, err
	}
	table, err := d.stack.Progress()
	if err != nil {
		return nil, err
	}
	d.say("The manifest is in the deployment's bucket.")
	return slices.Sorted(slices.Values(loaded.Linkers[0].Values)), d.until(ctx, "the manifest is dispatched", func() (bool, error) {
		revision, err := table.Newest(ctx, appKey, rollout.DefaultScope)
		return revision > 0, err
	})
}

// applyAgain counts the calls of an apply that has nothing to do.
func (d *demo) applyAgain(ctx context.Context) error {
	d.stack.Bitbucket.Faults().ResetCalls()
	d.stack.Infisical.Faults().ResetCalls()
	if err := d.command(ctx, "apply", "--file", manifest, "--installation", "all"); err != nil {
		return err
	}
	reads, writes := 0, 0
	for _, call := range slices.Concat(d.stack.Bitbucket.Faults().Calls(), d.stack.Infisical.Faults().Calls()) {
		switch {
		case strings.Contains(call.Path, "/auth/"): // login and logout
		case call.Method == http.MethodGet:
			reads++
		default:
			writes++
		}
	}
	d.say("%d calls read, %d calls wrote.", reads, writes)
	if writes > 0 {
		return fmt.Errorf("the second apply wrote %d times", writes)
	}
	return nil
}

// removal takes the linker endpoints away, and shows what goes on.
func (d *demo) removal(ctx context.Context) error {
	const folder = ".local/export"
	if err := os.RemoveAll(folder); err != nil { // an earlier demonstration's
		return fmt.Errorf("make room for the export: %w", err)
	}
	d.say("While they answer, every workspace's values are exported:")
	if err := d.command(ctx, "export", "--installation", "all", "--output", folder); err != nil {
		return err
	}
	d.stack.Bitbucket.Configure(func(s *simbitbucket.Switches) { s.Removed = simbitbucket.RemovedGone })
	d.say("%s The daily run meets that:", d.paint(bad, "Bitbucket answers 410 from now on."))
	table, err := d.stack.Progress()
	if err != nil {
		return err
	}
	if err := d.stack.Tick(d.stack.Dispatch); err != nil {
		return err
	}
	if err := d.until(ctx, "the deployment waits", func() (bool, error) {
		state, err := table.Removal(ctx, appKey)
		return state.IsSuspected() && state.Answer != "", err
	}); err != nil {
		return err
	}
	if err := d.command(ctx, "stop", "show"); err != nil {
		return err
	}
	if err := d.commandEnds(ctx, 3, "doctor"); err != nil {
		return err
	}
	if err := d.command(ctx, "installations", "list"); err != nil {
		return err
	}
	return d.after(ctx)
}

// after is what is left to do, and what goes on.
func (d *demo) after(ctx context.Context) error {
	const forge = "https://developer.atlassian.com/console/install/example"
	d.say("The workspace is shown the way to the Forge app:")
	if err := d.command(ctx, "addon", "update", "--installation", "all", "--descriptor", descriptor, "--forge-app-link", forge); err != nil {
		return err
	}
	if in, _ := d.stack.Bitbucket.Installation(d.clientKey); in.ForgeAppLink != forge {
		return fmt.Errorf("the Forge link at Bitbucket is %q", in.ForgeAppLink)
	}
	d.say("Connections don't depend on the linkers. The next rotation works:")
	if err := d.renewToken("simulated-third-token"); err != nil {
		return err
	}
	if err := d.putToken(ctx); err != nil {
		return err
	}
	d.showSync()
	return nil
}
