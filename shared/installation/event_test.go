package installation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

func TestALostRaceIsAConflictThatTheNextLookUpResolves(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	read := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	other := read
	other.SharedSecret = redact.New("other")
	must(s.open(nil).Update(t.Context(), other, "2"))(t)

	mine := read
	mine.State = installation.Uninstalled
	s.line.took()
	if _, err := s.Update(t.Context(), mine, "3"); !errors.Is(err, installation.ErrConflict) || errors.Is(err, installation.ErrUnavailable) {
		t.Fatalf("Update on an old version = %v, want ErrConflict alone", err)
	}
	if wrote := writes(s.line.took()); len(wrote) != 0 {
		t.Errorf("the lost race wrote %v", wrote)
	}
	// No call: the conflict left what is in force in the cache.
	again := must(s.Get(t.Context(), clientKey))(t)
	if got := again.SharedSecret.Reveal(); got != "other" {
		t.Fatalf("after the conflict Get returns %q, want other", got)
	}
	again.State = installation.Uninstalled
	if got := must(s.Update(t.Context(), again, "3"))(t); got.SharedSecret.Reveal() != "other" || got.State != installation.Uninstalled {
		t.Errorf("decided anew: %+v", seen(got))
	}
}

func TestARedeliveredEventIsANoOp(t *testing.T) {
	t.Parallel()
	for name, between := range map[string][]string{"at once": nil, "after another event": {"uninstall"}, "after several": {"uninstall", "install", "uninstall-2"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
			in.SharedSecret = redact.New("s2")
			in = must(s.Update(t.Context(), in, "rotate"))(t)
			for i, event := range between {
				in.State = []installation.State{installation.Uninstalled, installation.Installed}[i%2]
				in = must(s.Update(t.Context(), in, event))(t)
			}
			s.clock.advance(time.Minute)
			again := s.open(nil)
			redelivered := must(again.Get(t.Context(), clientKey))(t)
			redelivered.SharedSecret, redelivered.State = redact.New("s2"), installation.Installed
			again.line.took()
			got := must(again.Update(t.Context(), redelivered, "rotate"))(t)
			if diff := cmp.Diff(seen(in), seen(got)); diff != "" || got.Version != in.Version {
				t.Errorf("returned (-in force +got), version %s:\n%s", got.Version, diff)
			}
			if wrote := writes(again.line.took()); len(wrote) != 0 {
				t.Errorf("the redelivery wrote %v", wrote)
			}
		})
	}
}

func TestATagThatComesLateIsCorrected(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	var once sync.Once
	slow := s.open(&line{before: on("TagResource", func() {
		once.Do(func() { // the app is installed again before the uninstall is tagged
			other := s.open(nil)
			back := must(other.Get(t.Context(), clientKey))(t)
			back.State = installation.Installed
			must(other.Update(t.Context(), back, "3"))(t)
		})
	})})
	in.State = installation.Uninstalled
	must(slow.Update(t.Context(), in, "2"))(t)
	if got := must(s.open(nil).Get(t.Context(), clientKey))(t); got.State != installation.Installed {
		t.Fatalf("in force is %q: the test raced wrongly", got.State)
	}
	if got := s.inspect(t, clientKey).Tags[installation.TagState]; got != "installed" {
		t.Errorf("tag %q, want installed", got)
	}
}

// Two writers that keep changing the state must not keep each other tagging for good.
func TestAWriterThatCantTagGivesUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	tagged := 0
	slow := s.open(&line{before: on("TagResource", func() { // other processes install and uninstall alternately
		tagged++
		other := s.open(nil)
		now := must(other.Get(t.Context(), clientKey))(t)
		now.State = map[installation.State]installation.State{installation.Installed: installation.Uninstalled, installation.Uninstalled: installation.Installed}[now.State]
		must(other.Update(t.Context(), now, fmt.Sprint("other ", tagged)))(t)
	})})
	in.State = installation.Uninstalled
	_, err := slow.Update(t.Context(), in, "2")
	if !errors.Is(err, installation.ErrConflict) || !strings.Contains(err.Error(), clientKey) || tagged != 10 {
		t.Errorf("Update = %v after %d tags, want ErrConflict after 10", err, tagged)
	}
}

func TestTheMemoryOfEventsIsBounded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "0"))(t)
	for i := range 40 {
		in = must(s.Update(t.Context(), in, fmt.Sprint("event ", i)))(t)
	}
	var got struct{ Events []string }
	if err := json.Unmarshal([]byte(s.stageValue(t, clientKey, "AWSCURRENT")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Events) != 32 {
		t.Errorf("%d events are remembered, want 32", len(got.Events))
	}
	if again := must(s.Update(t.Context(), in, "event 8"))(t); again.Version != in.Version {
		t.Error("the oldest of 32 events was forgotten")
	}
}

// A redelivery may find that nothing is left to do for the value and yet find the
// tag of a run that died.
func TestARedeliveredEventRepairsTheTags(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	in.State = installation.Uninstalled
	dying := s.open(&line{cut: func(n int) (before, after bool) { return n == 5, false }}) // Get, Put, Swap, Describe, then the tag
	if _, err := dying.Update(t.Context(), in, "2"); !errors.Is(err, installation.ErrUnavailable) {
		t.Fatalf("the dying update = %v", err)
	}
	if got := s.inspect(t, clientKey).Tags[installation.TagState]; got != "installed" {
		t.Fatalf("tag %q: the test cut the wrong call", got)
	}
	again := s.open(nil)
	must(again.Update(t.Context(), in, "2"))(t)
	if got := s.inspect(t, clientKey).Tags[installation.TagState]; got != "uninstalled" {
		t.Errorf("tag %q, want uninstalled", got)
	}
	if diff := cmp.Diff([]string{"TagResource"}, writes(again.line.took())); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

// Two runs of one event must not meet in a version that says what only one of
// them decided.
func TestAnAbandonedVersionOfTheSameEventIsUsedOnlyIfItSaysTheSame(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*installation.Installation)
		reused bool
	}{
		"the same":       {func(*installation.Installation) {}, true},
		"another secret": {func(in *installation.Installation) { in.SharedSecret = redact.New("s3") }, false},
		"another time":   {func(in *installation.Installation) { in.EventAt = in.EventAt.Add(time.Second) }, false},
		"another name":   {func(in *installation.Installation) { in.Principal.DisplayName = "renamed" }, false},
		"another state":  {func(in *installation.Installation) { in.State = installation.Uninstalled }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
			in.SharedSecret, in.EventAt = redact.New("s2"), s.clock.Now()
			dying := s.open(&line{cut: func(n int) (before, after bool) { return false, n == 2 }}) // dies after the put
			if _, err := dying.Update(t.Context(), in, "2"); err == nil {
				t.Fatal("the dying update didn't die")
			}
			if got := must(s.open(nil).Get(t.Context(), clientKey))(t); got.SharedSecret.Reveal() != "s1" {
				t.Fatalf("between the two calls %q is in force, want the old s1", got.SharedSecret.Reveal())
			}
			abandoned := s.inspect(t, clientKey).Stages[pending]
			s.clock.advance(time.Minute)
			test.change(&in)
			got := must(s.open(nil).Update(t.Context(), in, "2"))(t)
			stored := must(s.open(nil).Get(t.Context(), clientKey))(t)
			want := seen(in)
			want.Previous = "s1"
			for where, got := range map[string]installation.Installation{"returned": got, "stored": stored} {
				if diff := cmp.Diff(want, seen(got)); diff != "" || !got.EventAt.Equal(in.EventAt) || got.Version != stored.Version {
					t.Errorf("%s: of %v, version %s; want %v (-want +got):\n%s", where, got.EventAt, got.Version, in.EventAt, diff)
				}
			}
			if reused := stored.Version == abandoned; reused != test.reused {
				t.Errorf("the abandoned version is in force: %v, want %v", reused, test.reused)
			}
			// The next write leaves nothing behind that isn't in force.
			if stages := s.inspect(t, clientKey).Stages; stages[pending] != stages["AWSCURRENT"] {
				t.Errorf("stages %v: an abandoned version is still pending", stages)
			}
		})
	}
}

// A version says what is the previous secret, and that depends on the state which
// the event was decided on.
func TestAVersionBegunOnAnotherStateIsNotUsed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	in.SharedSecret = redact.New("s2")
	store := s.open(&line{refuse: map[string]string{"UpdateSecretVersionStage": "InternalServiceError"}})
	if _, err := store.Update(t.Context(), in, "2"); err == nil {
		t.Fatal("the update was applied")
	}
	in.SharedSecret = redact.New("s3")
	in = must(s.Update(t.Context(), in, "3"))(t)
	in.SharedSecret = redact.New("s2")
	must(s.Update(t.Context(), in, "2"))(t)
	if diff := cmp.Diff(view{Shared: "s2", Previous: "s3", State: installation.Installed}, s.inForce(t)); diff != "" {
		t.Errorf("in force (-want +got):\n%s", diff)
	}
}

// An event that was begun with three other contents gets no fourth: a secret has
// room for about a hundred versions a day.
func TestAnEventIsBegunThreeTimes(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	for _, name := range []string{"a", "b", "c"} {
		in.Principal.DisplayName = name
		store := s.open(&line{refuse: map[string]string{"UpdateSecretVersionStage": "InternalServiceError"}})
		if _, err := store.Update(t.Context(), in, "2"); err == nil {
			t.Fatalf("the update of %s was applied", name)
		}
	}
	in.Principal.DisplayName = "d"
	_, err := s.Update(t.Context(), in, "2")
	if !errors.Is(err, installation.ErrConflict) || !strings.Contains(err.Error(), clientKey) || !strings.Contains(err.Error(), "used for other changes") {
		t.Errorf("Update = %v, want ErrConflict, with the reason", err)
	}
	if got := s.inForce(t); got.Shared != "s1" || got.State != installation.Installed {
		t.Errorf("in force is %+v", got)
	}
}

func TestALostAnswerToTheSwapIsNoConflict(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	in.State = installation.Uninstalled
	dying := s.open(&line{cut: func(n int) (before, after bool) { return false, n == 3 }}) // Get, Put, Swap
	if _, err := dying.Update(t.Context(), in, "2"); err == nil {
		t.Fatal("the dying update didn't die")
	}
	if got := must(s.open(nil).Update(t.Context(), in, "2"))(t); got.State != installation.Uninstalled {
		t.Errorf("state %q, want uninstalled", got.State)
	}
}
