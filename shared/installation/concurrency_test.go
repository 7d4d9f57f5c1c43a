package installation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	simulator "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

const writers = 60

// busy returns a simulator in which a fifth of all calls goes wrong: throttled,
// failed, cut before it took effect, cut after.
//
// Its clock moves by five minutes with each look at it. A secret takes about a
// hundred versions a day, and so many writers with their retries would be refused
// for that alone.
func busy(t *testing.T, seed uint64) (shop, *fault.Rule) {
	t.Helper()
	var ticks atomic.Int64
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	faults := fault.New(fault.Options{Seed: seed})
	c := simulated(t, simulator.Options{Faults: faults, Now: func() time.Time {
		return start.Add(time.Duration(ticks.Add(1)) * 5 * time.Minute)
	}})
	rule := faults.Add(fault.Any(), fault.Probability(0.2), fault.Pick(
		fault.Throttle(), fault.Throttle(), fault.AWSError(500, "InternalServiceError", "An error occurred on the server side."), fault.Reset(), fault.ResetAfter(),
	))
	return shop{cloud: c, clock: newClock(), appKey: "app"}, rule
}

// process is one writer's store, with the retries of production without their pauses.
func (s shop) process() shop {
	return s.open(&line{retry: func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 10
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}})
}

// persist reads, changes and writes until no other writer comes between. All
// writers make their first attempt at once; a conflict sends them into a queue
// that lets four try again at a time, or the number of tries would grow with its square.
func (s shop) persist(retries chan struct{}, event string, change func(*installation.Installation)) (conflicts int64, err error) {
	process := s.process()
	for {
		in, err := process.Get(context.Background(), clientKey)
		if err == nil {
			change(&in)
			_, err = process.Update(context.Background(), in, event)
		}
		if !errors.Is(err, installation.ErrConflict) {
			return conflicts, err
		}
		if conflicts == 0 {
			retries <- struct{}{}
			defer func() { <-retries }()
		}
		conflicts++
	}
}

// inParallel runs f for each of the writers at once and waits.
func inParallel(writers int, f func(i int)) {
	var running sync.WaitGroup
	for i := range writers {
		running.Go(func() { f(i) })
	}
	running.Wait()
}

// Every writer takes a turn: what it writes says whom it came after. A lost
// update would break the chain, an update that counted twice would too.
func TestManyWritersToOneInstallationLoseNothing(t *testing.T) {
	t.Parallel()
	s, faults := busy(t, 1)
	must(s.process().Create(t.Context(), sample(clientKey, "s"), "first"))(t)
	var conflicts atomic.Int64
	retries := make(chan struct{}, 4)
	inParallel(writers, func(i int) {
		met, err := s.persist(retries, fmt.Sprintf("event-%d", i), func(in *installation.Installation) {
			in.SharedSecret = redact.New(fmt.Sprintf("%s %d", in.SharedSecret.Reveal(), i))
		})
		conflicts.Add(met)
		if err != nil {
			t.Errorf("writer %d: %v", i, err)
		}
	})
	faults.Remove()
	got := must(s.open(nil).Get(t.Context(), clientKey))(t)
	turns := strings.Fields(strings.TrimPrefix(got.SharedSecret.Reveal(), "s"))
	seen := map[string]bool{}
	for _, turn := range turns {
		seen[turn] = true
	}
	if len(turns) != writers || len(seen) != writers {
		t.Errorf("%d turns of %d writers in the chain, want %d of %d", len(turns), len(seen), writers, writers)
	}
	if before := got.PreviousSecret.Reveal() + " " + turns[len(turns)-1]; before != got.SharedSecret.Reveal() {
		t.Errorf("the chain before the last turn is %s", got.PreviousSecret.Reveal())
	}
	t.Logf("%d faults, %d conflicts reported", faults.Fired(), conflicts.Load())
	if conflicts.Load() == 0 || faults.Fired() == 0 {
		t.Error("nothing collided: the test shows nothing")
	}
}

// Writers that all read the same state and don't try again: one wins, and every
// other one is told.
func TestOfManyWritersOnOneStateExactlyOneWins(t *testing.T) {
	t.Parallel()
	s, faults := busy(t, 2)
	read := must(s.process().Create(t.Context(), sample(clientKey, "s"), "first"))(t)
	var mu sync.Mutex
	var won []string
	conflicts := 0
	inParallel(writers, func(i int) {
		in := read
		in.SharedSecret = redact.New(fmt.Sprintf("s-%d", i))
		_, err := s.process().Update(t.Context(), in, fmt.Sprintf("event-%d", i))
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			won = append(won, in.SharedSecret.Reveal())
		case errors.Is(err, installation.ErrConflict):
			conflicts++
		default:
			t.Errorf("writer %d: %v", i, err)
		}
	})
	faults.Remove()
	got := must(s.open(nil).Get(t.Context(), clientKey))(t)
	if len(won) != 1 || conflicts != writers-1 || got.SharedSecret.Reveal() != won[0] {
		t.Errorf("%d won (%v), %d conflicts, in force %s", len(won), won, conflicts, got.SharedSecret.Reveal())
	}
}

// Each writer installs, rotates and uninstalls its own; then every secret is
// looked at by a single reader.
func TestManyWritersToDifferentInstallationsMixNothingUp(t *testing.T) {
	t.Parallel()
	s, faults := busy(t, 3)
	key := func(i int) string { return fmt.Sprintf("connection:%d", i) }
	shared := s.process() // one process serves them all, as the import does
	inParallel(writers, func(i int) {
		in, err := shared.Create(t.Context(), sample(key(i), fmt.Sprintf("first-%d", i)), "install")
		if err != nil {
			t.Errorf("install %d: %v", i, err)
			return
		}
		in.SharedSecret = redact.New(fmt.Sprintf("second-%d", i))
		if in, err = shared.Update(t.Context(), in, "reinstall"); err != nil {
			t.Errorf("reinstall %d: %v", i, err)
			return
		}
		in.State = installation.Uninstalled
		if _, err = shared.Update(t.Context(), in, "uninstall"); err != nil {
			t.Errorf("uninstall %d: %v", i, err)
		}
	})
	faults.Remove()
	found := 0
	for in, err := range s.open(nil).All(t.Context(), installation.Query{WithSecrets: true}) {
		if err != nil {
			t.Fatal(err)
		}
		var i int
		if _, err := fmt.Sscanf(in.ClientKey, "connection:%d", &i); err != nil {
			t.Fatal(err)
		}
		found++
		if in.SharedSecret.Reveal() != fmt.Sprintf("second-%d", i) || in.PreviousSecret.Reveal() != fmt.Sprintf("first-%d", i) || in.State != installation.Uninstalled {
			t.Errorf("%s holds %s after %s, %s", in.ClientKey, in.SharedSecret.Reveal(), in.PreviousSecret.Reveal(), in.State)
		}
		warm := must(shared.Get(t.Context(), in.ClientKey))(t)
		if !warm.SharedSecret.Equal(in.SharedSecret) {
			t.Errorf("%s: the cache holds %s", in.ClientKey, warm.SharedSecret.Reveal())
		}
	}
	if found != writers {
		t.Errorf("%d installations, want %d", found, writers)
	}
	t.Logf("%d faults", faults.Fired())
}

// Uninstalls and reinstalls that race leave the tag of the last one.
func TestRacingStateChangesLeaveTheTagOfTheStateInForce(t *testing.T) {
	t.Parallel()
	s, faults := busy(t, 4)
	must(s.process().Create(t.Context(), sample(clientKey, "s"), "first"))(t)
	retries := make(chan struct{}, 4)
	inParallel(20, func(i int) {
		_, err := s.persist(retries, fmt.Sprintf("event-%d", i), func(in *installation.Installation) {
			in.State = []installation.State{installation.Installed, installation.Uninstalled}[i%2]
		})
		if err != nil {
			t.Errorf("writer %d: %v", i, err)
		}
	})
	faults.Remove()
	s.isTidy(t)
}
