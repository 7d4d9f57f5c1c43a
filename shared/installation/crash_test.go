package installation_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// event is a lifecycle event, as the edge hands it on once it is verified.
type event struct {
	id, secret string // no secret: an uninstall
}

// deliver does what a handler does with a verified event: read, decide, write,
// and on a conflict read and decide anew.
func (s shop) deliver(ctx context.Context, e event) error {
	for range 10 {
		in, err := s.Get(ctx, clientKey)
		switch {
		case errors.Is(err, installation.ErrNotFound):
			_, err = s.Create(ctx, sample(clientKey, e.secret), e.id)
		case err != nil:
			return err
		case e.secret == "":
			in.State = installation.Uninstalled
			_, err = s.Update(ctx, in, e.id)
		default:
			in.State, in.SharedSecret = installation.Installed, redact.New(e.secret)
			_, err = s.Update(ctx, in, e.id)
		}
		if !errors.Is(err, installation.ErrConflict) && !errors.Is(err, installation.ErrExists) {
			return err
		}
	}
	return errors.New("a conflict that doesn't resolve")
}

// story is one lifecycle event that is killed, between those before and after it.
type story struct {
	name   string
	before []event
	killed event
	next   event
	calls  int // that delivering the killed event takes

	old, done  view // in force before and after the killed event
	afterwards view // after the next event, if the killed one was applied
	otherwise  view // after the next event, if it was not
}

func stories() []story {
	install, reinstall := event{"install", "s1"}, event{"reinstall", "s2"}
	uninstall, comeback := event{"uninstall", ""}, event{"comeback", "s3"}
	return []story{
		{
			name: "install", killed: install, next: uninstall, calls: 2,
			done:       view{Shared: "s1", State: installation.Installed},
			afterwards: view{Shared: "s1", State: installation.Uninstalled},
			otherwise:  view{Shared: "", State: ""}, // nothing to uninstall
		},
		{
			name: "reinstall", before: []event{install}, killed: reinstall, next: uninstall, calls: 5,
			old:        view{Shared: "s1", State: installation.Installed},
			done:       view{Shared: "s2", Previous: "s1", State: installation.Installed},
			afterwards: view{Shared: "s2", Previous: "s1", State: installation.Uninstalled},
			otherwise:  view{Shared: "s1", State: installation.Uninstalled},
		},
		{
			name: "uninstall", before: []event{install, reinstall}, killed: uninstall, next: comeback, calls: 7,
			old:        view{Shared: "s2", Previous: "s1", State: installation.Installed},
			done:       view{Shared: "s2", Previous: "s1", State: installation.Uninstalled},
			afterwards: view{Shared: "s3", Previous: "s2", State: installation.Installed},
			otherwise:  view{Shared: "s3", Previous: "s2", State: installation.Installed},
		},
		{
			name: "install after uninstall", before: []event{install, uninstall}, killed: comeback, next: event{"last", ""}, calls: 6,
			old:        view{Shared: "s1", State: installation.Uninstalled},
			done:       view{Shared: "s3", Previous: "s1", State: installation.Installed},
			afterwards: view{Shared: "s3", Previous: "s1", State: installation.Uninstalled},
			otherwise:  view{Shared: "s1", State: installation.Uninstalled},
		},
	}
}

// TestKilledBetweenAnyTwoCalls kills the process before and after each call to AWS
// of each lifecycle event, and then delivers either the same event again or the
// one that follows.
func TestKilledBetweenAnyTwoCalls(t *testing.T) {
	t.Parallel()
	for _, story := range stories() {
		for n := 1; n <= story.calls; n++ {
			for _, sent := range []bool{false, true} {
				for _, following := range []event{story.killed, story.next} {
					t.Run(fmt.Sprintf("%s, killed at call %d, sent %v, then %s", story.name, n, sent, following.id), func(t *testing.T) {
						t.Parallel()
						story.kill(t, n, sent, following)
					})
				}
			}
		}
		// The enumeration is complete: with one call more, nothing is left to kill.
		t.Run(story.name+", all calls counted", func(t *testing.T) {
			t.Parallel()
			s := story.begin(t)
			if err := s.deliver(t.Context(), story.killed); err != nil {
				t.Fatal(err)
			}
			if calls := s.line.took(); len(calls) != story.calls {
				t.Errorf("%d calls %v, the story enumerates %d", len(calls), calls, story.calls)
			}
		})
	}
}

// begin returns a process that knows nothing yet of what happened before.
func (story story) begin(t *testing.T) shop {
	t.Helper()
	s := newShop(t)
	for _, e := range story.before {
		if err := s.deliver(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return s.open(nil)
}

func (story story) kill(t *testing.T, n int, sent bool, following event) {
	s := story.begin(t)
	dying := s.open(&line{cut: func(call int) (before, after bool) { return call == n && !sent, call == n && sent }})
	if err := dying.deliver(t.Context(), story.killed); err == nil {
		t.Fatalf("the process outlived call %d: %v", n, dying.line.took())
	}
	left := s.inForce(t)
	applied := left == story.done
	if !applied && left != story.old {
		t.Fatalf("in force is %+v, neither the state before nor the one after", left)
	}
	if left.State == installation.Installed && s.inspect(t, clientKey).Tags[installation.TagState] != "installed" {
		t.Error("an installation in force is tagged as uninstalled: a fan-out would leave it out")
	}
	want := story.done
	switch {
	case following != story.killed && applied:
		want = story.afterwards
	case following != story.killed:
		want = story.otherwise
	}
	if want == (view{}) {
		return // the edge refuses an event that it can't verify
	}
	s.clock.advance(time.Minute)
	if err := s.open(nil).deliver(t.Context(), following); err != nil {
		t.Fatalf("the next event: %v", err)
	}
	if diff := cmp.Diff(want, s.inForce(t)); diff != "" {
		t.Errorf("after the next event (-want +got):\n%s", diff)
	}
	s.isTidy(t)
}

// inForce returns what another process finds.
func (s shop) inForce(t *testing.T) view {
	t.Helper()
	in, err := s.open(nil).Get(t.Context(), clientKey)
	if errors.Is(err, installation.ErrNotFound) {
		return view{}
	}
	if err != nil {
		t.Fatal(err)
	}
	return view{Shared: in.SharedSecret.Reveal(), Previous: in.PreviousSecret.Reveal(), State: in.State}
}

// isTidy checks that nothing is left half-done: no version is pending beside the
// one in force, and the tag says what the value says.
func (s shop) isTidy(t *testing.T) {
	t.Helper()
	state := s.inspect(t, clientKey)
	if staged, ok := state.Stages[pending]; ok && staged != state.Stages["AWSCURRENT"] {
		t.Errorf("stages %v: a version is pending", state.Stages)
	}
	if got := installation.State(state.Tags[installation.TagState]); got != s.inForce(t).State {
		t.Errorf("tag %q, in force is %+v", got, s.inForce(t))
	}
}
