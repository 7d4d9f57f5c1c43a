package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/failure"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
)

// maxRounds bounds how often one message starts over because the manifest changed
// under it. A manifest that changes faster is changed by a loop; the message
// comes back.
const maxRounds = 3

// worker does one message's task. It knows no queue and counts nothing.
type worker struct {
	app     string
	store   installation.Store
	desired rollout.Desired
	apiURL  string
	// codec is shared by all installations, so that what one taught holds for the next.
	codec *bitbucket.Codec
	http  *http.Client
	// defaults is shared by all messages of the process.
	defaults *defaults
	now      func() time.Time
}

// do takes an installation through its task and says what changed. The error
// decides what becomes of the message, see delivery.next.
func (w *worker) do(ctx context.Context, message queue.Message) (applied rollout.Applied, err error) {
	applied = rollout.Applied{Run: message.Run, App: w.app, ClientKey: message.ClientKey, Task: message.Task}
	in, err := w.store.Get(ctx, message.ClientKey)
	switch {
	case errors.Is(err, installation.ErrNotFound) || errors.Is(err, installation.ErrPendingDeletion):
		return applied, fmt.Errorf("%w: the installation is gone", errSkipped)
	case err != nil:
		return applied, err
	}
	applied.Workspace = string(in.Principal.UUID)
	err = w.task(ctx, in, message, &applied)
	return applied, err
}

// task does the message's task with the installation's secret.
func (w *worker) task(ctx context.Context, in installation.Installation, message queue.Message, applied *rollout.Applied) error {
	if in.State != installation.Installed {
		return fmt.Errorf("%w: the app is uninstalled there", errSkipped)
	}
	signer := connect.Signer{AppKey: in.AppKey, ClientKey: in.ClientKey, Secret: in.SharedSecret}
	client := &bitbucket.Client{BaseURL: w.apiURL, HTTP: w.http, Sign: signer.Sign, Codec: w.codec}
	if message.Task == queue.TaskAddon {
		return updateAddon(ctx, client, message)
	}
	return w.values(ctx, client, message, applied)
}

func updateAddon(ctx context.Context, client *bitbucket.Client, message queue.Message) error {
	switch {
	case len(message.Descriptor) > 0:
		return client.UpdateAddonDescriptor(ctx, message.Descriptor)
	case message.DescriptorURL != "":
		return client.UpdateAddonDescriptorURL(ctx, message.DescriptorURL)
	}
	return client.UpdateAddon(ctx)
}

// values brings the linkers to the desired state, and starts over when that
// changed while it wrote: also when it failed, for good perhaps, because what it
// did write may have come after a newer manifest's values.
func (w *worker) values(ctx context.Context, client *bitbucket.Client, message queue.Message, applied *rollout.Applied) error {
	for range maxRounds {
		state, err := w.defaults.of(ctx, w.desired, applied.Workspace, message.Since, w.now())
		if errors.Is(err, rollout.ErrNoManifest) {
			return fmt.Errorf("%w: %w", errSkipped, err) // the first manifest has a run of its own
		}
		if err != nil {
			return err
		}
		wrote, failed := w.linkers(ctx, client, state, message.AllowPrune, applied)
		if !wrote {
			return failed.Err()
		}
		current, err := w.desired.Current(ctx, applied.Workspace, state)
		if err != nil {
			return append(failed, err)
		}
		if current {
			return failed.Err()
		}
		w.defaults.forget()
	}
	return fmt.Errorf("the manifest changed %d times while it was applied; the message comes back", maxRounds)
}

// linkers applies one linker after the other, each for itself, and tells whether
// it wrote anything. allowPrune is the version for which a large prune is allowed.
func (w *worker) linkers(ctx context.Context, client *bitbucket.Client, state rollout.State, allowPrune string, applied *rollout.Applied) (wrote bool, failed failure.Several) {
	applied.Linkers = applied.Linkers[:0]
	options := reconcile.Options{AllowPrune: allowPrune != "" && allowPrune == state.VersionID}
	for _, desired := range state.Manifest.Linkers {
		result, err := reconcile.ApplyLinker(ctx, client, desired, options)
		if held(err) {
			err = fmt.Errorf("%w: %s", err, howToAllow(applied.Workspace, state))
		}
		wrote = wrote || result.Writes > 0
		count := rollout.AppliedLinker{Linker: desired.Key, Added: len(result.Added), Removed: len(result.Removed), Kept: result.Kept}
		if err != nil {
			count.Error = err.Error()
			failed = append(failed, fmt.Errorf("linker %s: %w", desired.Key, err))
		}
		applied.Linkers = append(applied.Linkers, count)
		if ends(err) {
			break
		}
	}
	return wrote, failed
}

// howToAllow says how a person allows what the guard refused, for this state and this
// workspace alone.
func howToAllow(workspace string, state rollout.State) string {
	yes := rollout.Change{
		Installations: []string{workspace}, AllowPrune: true,
		Location: &rollout.Location{Key: state.Scope, VersionID: state.VersionID},
	}
	detail, _ := json.Marshal(yes) // text and a bool: it always can be
	return fmt.Sprintf("run the action with prune: true, or send the event %q with the detail %s", rollout.DetailChanged, detail)
}

// ends tells whether the next linker would meet the same error.
func ends(err error) bool {
	return failure.KindOf(err) == failure.Everything || errors.Is(err, bitbucket.ErrRateLimited) ||
		errors.Is(err, bitbucket.ErrUnauthorized) || errors.Is(err, context.DeadlineExceeded)
}

// held tells whether the prune guard refused the change.
func held(err error) bool {
	_, is := errors.AsType[*reconcile.PruneGuardError](err)
	return is
}

// changed tells whether anything changed in the installation.
func changed(applied rollout.Applied) bool {
	for _, linker := range applied.Linkers {
		if linker.Added+linker.Removed > 0 {
			return true
		}
	}
	return applied.Task == queue.TaskAddon
}
