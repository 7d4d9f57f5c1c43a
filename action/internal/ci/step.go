// Package ci is one run of linkersync as a CI step: inputs in, masks first, then
// plan or apply, and outputs, annotations and a summary whatever happens.
package ci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/ci/summary"
	"github.com/linkersync/linkersync/action/internal/document"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/action/internal/setup"
	"github.com/linkersync/linkersync/shared/failure"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

// Process is what the operating system gives the step.
type Process struct {
	Getenv func(string) string
	// Commands takes the platform's commands. Stdout is for what people read; text of
	// others is escaped there, so that it is no command. See [platform.Text].
	Commands, Stdout io.Writer
	Log              *slog.Logger
	Version          string
	// Wrong is why the step can't begin, as found before it; nil when it can.
	Wrong error
}

// secretVariables are masked before anything else happens, whether they are used
// or not: what is in the environment can end up in a log.
var secretVariables = []string{
	setup.SharedSecretVariable, setup.ClientSecretVariable, setup.OIDCTokenVariable, platform.TokenVariable,
	platform.StepTokenVariable, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
}

// step is one run.
type step struct {
	config   setup.Options
	platform platform.Platform
	masker   *platform.Masker
	session  *setup.Session
	process  Process
	out      io.Writer
	report   summary.Report
}

// ErrFailed ends a run whose failures were annotated and summed up.
var ErrFailed = errors.New("the step failed, as annotated")

// Run does the whole step. Whatever happens, outputs and a summary are written.
func Run(ctx context.Context, process Process, options setup.Options) error {
	s := &step{process: process, out: process.Stdout}
	s.platform = platform.Detect(platform.Environment{
		Getenv: process.Getenv, Stdout: process.Commands, HTTP: transport.New(transport.Options{UserAgent: "linkersync/" + process.Version}),
	})
	s.masker = platform.NewMasker(s.platform)
	for _, name := range secretVariables {
		s.masker.Mask(redact.New(process.Getenv(name)))
	}
	err := process.Wrong
	if err == nil {
		err = s.work(ctx, options)
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("the step was stopped: %w; what was done is kept, run it again to finish", err)
	}
	if err != nil && !errors.Is(err, ErrFailed) {
		s.report.Fail(document.Problem{What: "linkersync", Message: err.Error()}, "")
	}
	if finish := s.finish(); finish != nil {
		return finish // err, if any, is annotated
	}
	if err != nil {
		return ErrFailed
	}
	return nil
}

// work reads the inputs and does what they say.
func (s *step) work(ctx context.Context, options setup.Options) (err error) {
	s.config = options
	if err := s.config.ReadInputs(s.platform.Input); err != nil {
		return fmt.Errorf("the inputs need correcting:\n%w", err)
	}
	s.report.Command = s.config.Command
	trigger := s.platform.Trigger()
	s.report.PullRequest = trigger.PullRequest
	if err := allow(s.config, trigger); err != nil {
		return err
	}
	if s.config.Writes() && trigger.Trust == platform.Unmerged {
		s.platform.Annotate(unmerged())
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.Timeout, fmt.Errorf("it took longer than the input timeout, %s", s.config.Timeout))
	defer cancel()
	defer func() {
		if cause := context.Cause(ctx); errors.Is(err, context.DeadlineExceeded) && cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w (%w)", err, cause)
		}
	}()
	s.trace("%s, event %q, %s", s.platform.Name(), trigger.Event, trigger.Trust)
	for _, option := range s.config.List() {
		if text := option.Value.String(); option.Input && text != "" {
			s.trace("%s: %s", option.Name, text)
		}
	}
	s.session = setup.New(s.config, s.process.Getenv, "linkersync/"+s.process.Version)
	s.session.OnSecret(s.masker.Mask)
	s.session.Restrict(".")
	if err := s.assumeRole(ctx); err != nil {
		return err
	}
	end := s.platform.Group("linkersync " + s.config.Command)
	defer end()
	if s.config.Command == "export" {
		return s.export(ctx)
	}
	return s.manifest(ctx, trigger)
}

// manifest takes the manifest through what the command names.
func (s *step) manifest(ctx context.Context, trigger platform.Trigger) error {
	desired, err := s.session.Load(ctx, s.config.File, nil)
	if err != nil {
		return s.wrongManifest(err)
	}
	s.trace("%s: %d linkers, %d connections, %d syncs", desired.Path, len(desired.Linkers), len(desired.Connections), len(desired.Syncs))
	if trigger.Fork && !s.config.AllowUntrustedTrigger {
		s.report.Unseen = "This pull request comes from a fork, which gets no secrets: the manifest was checked, the workspaces and Infisical were not looked at."
		return nil
	}
	if s.config.Command == "connections" {
		desired.Linkers = nil
	}
	if s.config.Via == "event" {
		err = s.event(ctx, desired)
	} else {
		err = s.session.Run(ctx, desired, s.flow(), func(part apply.Part) error {
			s.add(desired.Path, part)
			return nil
		})
	}
	if errors.Is(err, apply.ErrNotReady) {
		s.report.Notes = append(s.report.Notes, err.Error())
		err = nil
	}
	if err == nil && s.report.Failed() > 0 {
		return ErrFailed
	}
	if err == nil && s.config.FailOnDrift && !s.config.Writes() && s.report.Summary().Changed {
		return errors.New("fail_on_drift: something differs from the manifest, as the summary shows")
	}
	return err
}

// flow is what the command does, for [setup.Session.Run].
func (s *step) flow() setup.Work {
	return setup.Work{
		Apply: s.config.Writes(), CheckTokens: true, Log: s.process.Log, Say: s.say,
		OIDC: func(ctx context.Context) (redact.Secret, error) { return s.identity(ctx, s.config.Infisical.Audience) },
	}
}

// awsAudience is what AWS's trust policies ask for by default.
const awsAudience = "sts.amazonaws.com"

// assumeRole opens the role of the input, if any. The first token is asked for at
// once, because AWS's errors would not say that it is the CI that gives none.
func (s *step) assumeRole(ctx context.Context) error {
	if s.config.AWSRole == "" {
		return nil
	}
	first, err := s.identity(ctx, awsAudience)
	if err != nil {
		return fmt.Errorf("aws_role: %w", err)
	}
	return s.session.AssumeRole(ctx, s.config.AWSRole, firstThen(first, func(ctx context.Context) (redact.Secret, error) {
		return s.identity(ctx, awsAudience)
	}))
}

// firstThen returns the token that is there, and then a new one each time: a token
// lives for minutes, and the role is opened again as long as the step runs. Calls
// come one at a time, from the cache of the credentials.
func firstThen(first redact.Secret, next func(context.Context) (redact.Secret, error)) func(context.Context) (redact.Secret, error) {
	return func(ctx context.Context) (redact.Secret, error) {
		if token := first; !token.IsZero() {
			first = redact.Secret{}
			return token, nil
		}
		return next(ctx)
	}
}

// identity asks the CI for an identity token, and masks it before it is used.
func (s *step) identity(ctx context.Context, audience string) (redact.Secret, error) {
	token, err := s.platform.IdentityToken(ctx, audience)
	s.masker.Mask(token)
	return token, err
}

// add prints a part and keeps it, with its failures, for the summary.
func (s *step) add(path string, part apply.Part) {
	s.report.Add(part)
	if target := part.Plan.Installation; target != nil {
		s.trace("client key %s", target.ClientKey)
	}
	if err := part.WriteText(s.out, reconcile.Style{
		AllowPrune: "the input prune: true", Adopt: "\"adopt: true\" in the manifest", AllowSyncRisks: "the input allow_sync_risks: true",
	}); err != nil {
		s.report.Fail(document.Problem{What: "log", Message: err.Error()}, "")
	}
	for _, failed := range part.Failures {
		text := failed.Err.Error()
		if _, guarded := errors.AsType[*reconcile.PruneGuardError](failed.Err); guarded {
			text += ", with the input prune: true"
		} else if _, risky := errors.AsType[*reconcile.RiskError](failed.Err); risky {
			text += ", with the input allow_sync_risks: true"
		} else if failure.Passing(failed.Err) {
			text += ". This may pass: run the step again later."
		}
		s.report.Fail(document.Problem{What: failed.Subject, Message: text, File: path, Position: failed.Position}, part.Where())
	}
}

// wrongManifest takes in each problem with its line.
func (s *step) wrongManifest(err error) error {
	problems, ok := errors.AsType[manifest.Problems](err)
	if !ok {
		return err
	}
	for _, problem := range problems {
		s.report.Fail(document.Problem{What: "manifest", Message: problem.Message, File: problem.File, Position: problem.Position}, "")
	}
	return ErrFailed
}

// trace prints what the input debug asks for. No input is a secret.
// say tells the log how waiting goes on.
func (s *step) say(text string) { _, _ = fmt.Fprintln(s.out, platform.Printable(text)) }

func (s *step) trace(format string, args ...any) {
	if s.config.Debug {
		_, _ = fmt.Fprintf(s.out, "debug: "+format+"\n", args...)
	}
}
