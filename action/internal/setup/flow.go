package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/manifest"
)

// UseError says that options don't fit each other or the manifest.
type UseError struct{ Message string }

func (e UseError) Error() string { return e.Message }

// Load reads the manifest in file, or from stdin where file is "-" and stdin isn't nil.
// The error is manifest.Problems, [UseError], or why it can't be read.
func (s *Session) Load(ctx context.Context, file string, stdin io.Reader) (manifest.Manifest, error) {
	desired, err := s.read(ctx, file, stdin)
	if err != nil {
		return desired, err
	}
	if err := s.UseApp(desired.App); err != nil {
		return desired, UseError{err.Error()}
	}
	return desired, nil
}

func (s *Session) read(ctx context.Context, file string, stdin io.Reader) (manifest.Manifest, error) {
	if file == "-" && stdin != nil {
		data, err := input.ReadStream(ctx, stdin, manifest.MaxFileSize)
		if err != nil {
			return manifest.Manifest{}, fmt.Errorf("read the manifest from standard input: %w", err)
		}
		return manifest.Parse("standard input", data, nil)
	}
	if s.workspace != "" {
		if _, err := input.ReadFileWithin(s.workspace, file, manifest.MaxFileSize); errors.Is(err, input.ErrLink) {
			return manifest.Manifest{}, UseError{file + " is reached through a symbolic link, which CI does not follow: name the file itself"}
		}
	}
	return manifest.Load(file)
}

// Work is what a run does with a manifest.
type Work struct {
	// Apply writes; without it the run only plans.
	Apply bool
	// CheckTokens asks Bitbucket about the connections' tokens.
	CheckTokens bool
	// Adopt takes over connections of others, and accepts credentials that somebody
	// changed in Infisical.
	Adopt bool
	// Say tells a person how waiting goes on.
	Say func(text string)
	// Look, when set, reads more from Infisical after the rest, within the same login.
	Look func(*infisical.Client) error
	// OIDC is the CI's identity token for Infisical; nil reads the environment.
	OIDC OIDCToken
	Log  *slog.Logger
	// Installation, when set, replaces the option of this name.
	Installation string
}

// Run plans or applies a manifest, and hands each part to sink; see [apply.Flow.Run].
func (s *Session) Run(ctx context.Context, desired manifest.Manifest, work Work, sink func(apply.Part) error) error {
	installation := cmp.Or(work.Installation, s.options.Installation)
	if len(desired.Linkers) > 0 && installation == "" {
		return UseError{"the manifest has linkers: say where they go with --installation, in CI with the input installation: all, a client key, or a workspace's UUID"}
	}
	flow := apply.Flow{
		Manifest: desired,
		Options:  apply.Options{Apply: work.Apply, AllowPrune: s.options.Prune, AllowSyncRisks: s.options.AllowSyncRisks, Parallel: s.options.Parallel, Probe: s.Probe},
		Connect:  s.Connect, Tokens: s.Tokens(desired, work.CheckTokens, work.Adopt),
		Infisical: func(ctx context.Context, through func(*infisical.Client) error) error {
			return s.WithInfisical(ctx, work.OIDC, work.Log, func(client *infisical.Client) error {
				if err := through(client); err != nil || work.Look == nil {
					return err
				}
				return work.Look(client)
			})
		},
		Say: work.Say,
	}
	if len(desired.Linkers) > 0 {
		flow.Installations = s.Installations(ctx, installation)
	}
	return flow.Run(ctx, sink)
}

// Tokens reads the tokens that a manifest names, and checks them at Bitbucket if asked.
// The app's key is the owner of what is written.
func (s *Session) Tokens(of manifest.Manifest, check, adopt bool) apply.Tokens {
	tokens := apply.Tokens{Resolve: s.Resolve, Owner: s.AppKey(), Adopt: adopt, Prune: of.PruneConnections, AllowPrune: s.options.Prune}
	if check {
		tokens.Check, tokens.Count = s.CheckToken, s.countVariables
	}
	return tokens
}
