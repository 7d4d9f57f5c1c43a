// Package removal decides whether Bitbucket still has the linker endpoints. It tells a
// removal from a brownout, which ends after minutes, and from an incident.
//
// One answer proves nothing. An answer that announces the removal raises a suspicion
// ([Evidence]). An anonymous request that needs no secret decides ([Probe]). While the
// probe says that the endpoints are gone, messages wait and the probe looks again. After
// [StopAfter] of that answer the app is stopped. The next probe that finds the endpoints
// ends suspicion and stop, and so does an operator ([Store]'s Clear).
//
// It reconciles nothing and knows no queue: package main of functions/linkers does.
package removal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/bitbucket"
)

const (
	// ProbeEvery is how long the app waits between two probes. Messages wait for one to
	// one and a half times as long, so that work goes on within a quarter of an hour.
	ProbeEvery = 5 * time.Minute
	// ProbeLimit is the shortest time between two probes of the whole app.
	ProbeLimit = time.Minute
	// StopAfter is how long the probe has to find the endpoints gone before the app is
	// stopped. Brownouts take a quarter of an hour.
	// Source: https://community.atlassian.com/forums/Bitbucket-articles/ba-p/3237429
	StopAfter = 24 * time.Hour
	// readEvery is how long a process works with the state that it read last.
	readEvery = 5 * time.Second
)

// State is what an app knows of the linker endpoints. The zero State is no suspicion, and
// a zero time means that it never happened.
type State struct {
	// Since is when the suspicion was raised, Evidence the answer that raised it.
	Since    time.Time `dynamodbav:"since,unixtime"`
	Evidence string    `dynamodbav:"evidence"`
	// Probed is when the last probe began, Answer what it said; Gone is since when every
	// probe with a verdict said that the endpoints are gone.
	Probed time.Time `dynamodbav:"probed,unixtime"`
	Answer string    `dynamodbav:"answer"`
	Gone   time.Time `dynamodbav:"gone,unixtime"`
	// Stopped is when the app was stopped, Cleared when the last suspicion ended.
	Stopped time.Time `dynamodbav:"stopped,unixtime"`
	Cleared time.Time `dynamodbav:"cleared,unixtime"`
}

// IsSuspected tells whether work waits for the next probe.
func (s State) IsSuspected() bool { return !s.Since.IsZero() && !s.IsStopped() }

// IsStopped tells whether the app takes no work.
func (s State) IsStopped() bool { return !s.Stopped.IsZero() }

// String says in one sentence what is known, for logs and people.
func (s State) String() string {
	evidence := s.Evidence
	if s.Answer != "" {
		evidence += "; the probe: " + s.Answer
	}
	switch {
	case s.IsStopped():
		return fmt.Sprintf("stopped since %s, because Bitbucket has removed the linker endpoints (%s)", stamp(s.Stopped), evidence)
	case !s.Since.IsZero():
		return fmt.Sprintf("waiting since %s, because Bitbucket may have removed the linker endpoints; it may be a brownout (%s)", stamp(s.Since), evidence)
	}
	return "Bitbucket is not known to have removed the linker endpoints"
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Evidence tells whether an error is an answer that announces the removal of the linker
// endpoints: a 410, or a 404 "There is no API hosted at this URL". An answer about a
// workspace, a 429, a 401 or a malformed list is none.
func Evidence(err error) bool {
	answer, found := errors.AsType[*bitbucket.APIError](err)
	return found && errors.Is(err, bitbucket.ErrEndpointRemoved) && strings.HasPrefix(answer.Path, bitbucket.LinkersPath)
}

// Store keeps the State of an app where all of its processes see it. Each method is
// one conditional write. rollout.Table is one.
type Store interface {
	Removal(ctx context.Context, app string) (State, error)
	// Suspect raises the suspicion; it changes nothing while there is one.
	Suspect(ctx context.Context, app, evidence string) error
	// ClaimProbe is true for the one caller that may probe now: none has for so long.
	ClaimProbe(ctx context.Context, app string, notFor time.Duration) (bool, error)
	// NoteProbe records that a probe found the endpoints gone, or, without gone, no verdict.
	NoteProbe(ctx context.Context, app, answer string, gone bool) error
	// Stop stops the app; first is true for the one caller that did.
	Stop(ctx context.Context, app string) (first bool, err error)
	// Clear ends suspicion and stop; was is true when there was one.
	Clear(ctx context.Context, app string) (was bool, err error)
}

// Watch is one process's view of the State. Safe for concurrent use.
type Watch struct {
	App   string
	Store Store
	// Probe asks Bitbucket, see [Probe].
	Probe func(ctx context.Context) (Verdict, string)
	Log   *slog.Logger
	// OnStop is called once, by the process that stops the app; nil does nothing.
	OnStop func(ctx context.Context)
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu    sync.Mutex
	state State
	read  time.Time
}

func (w *Watch) now() time.Time {
	if w.Now == nil {
		return time.Now()
	}
	return w.Now()
}

// Look returns the State, at most readEvery old. While there is a suspicion or a stop, it
// probes when the last probe is ProbeEvery ago, and the State is the one after it.
func (w *Watch) Look(ctx context.Context) (State, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now().Sub(w.read).Abs() > readEvery {
		if err := w.readState(ctx); err != nil {
			return State{}, err
		}
	}
	if w.state.Since.IsZero() || w.now().Sub(w.state.Probed) < ProbeEvery {
		return w.state, nil
	}
	err := w.probe(ctx, ProbeEvery)
	return w.state, err
}

// Suspect takes in an error for which Evidence is true, and probes unless the app has
// within ProbeLimit. It returns the State after that.
func (w *Watch) Suspect(ctx context.Context, cause error) (State, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.Store.Suspect(ctx, w.App, cause.Error()); err != nil {
		return w.state, err
	}
	if err := w.readState(ctx); err != nil {
		return w.state, err
	}
	err := w.probe(ctx, ProbeLimit)
	return w.state, err
}

func (w *Watch) readState(ctx context.Context) (err error) {
	w.state, err = w.Store.Removal(ctx, w.App)
	w.read = w.now()
	if err != nil {
		w.read = time.Time{}
	}
	return err
}

// probe asks Bitbucket if nobody has for so long, and acts on the verdict.
func (w *Watch) probe(ctx context.Context, notFor time.Duration) error {
	claimed, err := w.Store.ClaimProbe(ctx, w.App, notFor)
	if err != nil || !claimed {
		return err
	}
	verdict, answer := w.Probe(ctx)
	if verdict == Present {
		was, err := w.Store.Clear(ctx, w.App)
		if was {
			w.Log.WarnContext(ctx, "bitbucket has the linker endpoints: work goes on", slog.String("was", w.state.String()), slog.String("probe", answer))
		}
		return errors.Join(err, w.readState(ctx))
	}
	w.Log.WarnContext(ctx, "bitbucket may have removed the linker endpoints: messages wait", slog.String("state", w.state.String()), slog.String("probe", answer))
	if err := w.Store.NoteProbe(ctx, w.App, answer, verdict == Gone); err != nil {
		return err
	}
	if err := w.readState(ctx); err != nil {
		return err
	}
	if verdict != Gone || w.state.IsStopped() || w.now().Sub(w.state.Gone) < StopAfter {
		return nil
	}
	first, err := w.Store.Stop(ctx, w.App)
	if err != nil {
		return err
	}
	err = w.readState(ctx)
	if first {
		w.Log.ErrorContext(ctx, "bitbucket has removed the linker endpoints: linker updates stop, see docs/operate.md", slog.String("state", w.state.String()))
		if w.OnStop != nil {
			w.OnStop(ctx)
		}
	}
	return err
}
