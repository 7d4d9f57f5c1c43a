package apply

import (
	"context"
	"errors"
	"iter"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
)

// Flow is one plan or apply of a manifest, from a terminal and in CI alike.
type Flow struct {
	Manifest manifest.Manifest
	Options  Options
	// Installations are where the linkers go.
	Installations iter.Seq2[installation.Installation, error]
	Connect       Connect
	Tokens        Tokens
	// Infisical calls work within one login.
	Infisical func(ctx context.Context, work func(*infisical.Client) error) error
	// Say tells a person how waiting goes on.
	Say func(text string)
}

// ErrNotReady ends an apply that wrote nothing, because a check before the first write
// failed. The part before it says which.
var ErrNotReady = errors.New("nothing was written: correct what failed, and run it again")

// Run takes the manifest through the installations and through Infisical, and hands
// each part to sink as it comes. The connections' credentials, tokens and scopes are
// checked first: an apply whose check fails writes nothing and ends in [ErrNotReady],
// a plan goes on. A sync that fails keeps nothing else from being written. A part's own
// failures are in the part, and no error of Run.
func (f *Flow) Run(ctx context.Context, sink func(Part) error) error {
	if len(f.Manifest.Connections)+len(f.Manifest.Syncs) == 0 {
		return f.linkers(ctx, sink)
	}
	began := false
	err := f.Infisical(ctx, func(api *infisical.Client) error {
		began = true
		plan, err := f.Tokens.plan(ctx, api, f.Manifest.Connections, f.Options.Apply, false)
		if err == nil {
			err = f.planSyncs(ctx, api, plan)
		}
		switch {
		case f.Options.Apply && err != nil:
			return err
		case f.Options.Apply && len(plan.part.Failures) > 0:
			plan.part.Applied = true // the part is its result, in which nothing was done
			return errors.Join(sink(plan.part), ErrNotReady)
		}
		if failed := errors.Join(f.linkers(ctx, sink), err); failed != nil {
			return failed
		}
		if !f.Options.Apply {
			return sink(plan.part)
		}
		plan.applySyncs(ctx, api, true)
		plan.apply(ctx, api)
		plan.applySyncs(ctx, api, false)
		if err := sink(plan.part); err != nil {
			return err
		}
		if failures := RunSyncs(ctx, api, plan.part.Result.Connections, f.Say); len(failures) > 0 {
			return sink(Part{Applied: true, Failures: failures})
		}
		return nil
	})
	if !began && !f.Options.Apply { // a plan shows what it can
		return errors.Join(f.linkers(ctx, sink), err)
	}
	return err
}

func (f *Flow) linkers(ctx context.Context, sink func(Part) error) error {
	if len(f.Manifest.Linkers) == 0 {
		return nil
	}
	for part, err := range Linkers(ctx, f.Installations, f.Connect, f.Manifest.Linkers, f.Options) {
		if err == nil {
			err = sink(part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
