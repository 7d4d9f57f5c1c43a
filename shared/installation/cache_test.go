package installation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/simulator/fault"

	simulator "github.com/linkersync/linkersync/shared/simulator/aws"
)

func wantCalls(t *testing.T, l *line, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, l.took()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestALookUpIsOneCallColdAndNoneWarm(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	must(s.Get(t.Context(), clientKey))(t)
	wantCalls(t, s.line, "CreateSecret") // what was written is known

	s = s.open(nil)
	must(s.Get(t.Context(), clientKey))(t)
	wantCalls(t, s.line, "GetSecretValue")
	for range 100 {
		must(s.Get(t.Context(), clientKey))(t)
	}
	wantCalls(t, s.line)
	s.clock.advance(5*time.Minute - time.Second)
	must(s.Get(t.Context(), clientKey))(t)
	wantCalls(t, s.line)
	s.clock.advance(time.Second)
	must(s.Get(t.Context(), clientKey))(t)
	wantCalls(t, s.line, "GetSecretValue")
}

func TestUnknownClientKeysAreRememberedForAShortTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	lookUp := func(want error) {
		t.Helper()
		if _, err := s.Get(t.Context(), clientKey); !errors.Is(err, want) {
			t.Errorf("Get = %v, want %v", err, want)
		}
	}
	lookUp(installation.ErrNotFound)
	lookUp(installation.ErrNotFound)
	wantCalls(t, s.line, "GetSecretValue")

	must(s.open(nil).Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	s.clock.advance(30*time.Second - 1)
	lookUp(installation.ErrNotFound)
	wantCalls(t, s.line)
	s.clock.advance(1)
	lookUp(nil)
	wantCalls(t, s.line, "GetSecretValue")
}

func TestAnInstallMakesItsClientKeyKnownAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if _, err := s.Get(t.Context(), clientKey); !errors.Is(err, installation.ErrNotFound) {
		t.Fatal(err)
	}
	must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	must(s.Get(t.Context(), clientKey))(t)
}

func TestImpossibleClientKeysAskNobody(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, key := range []string{"", fmt.Sprintf("%0600d", 1)} {
		for name, lookUp := range map[string]func(context.Context, string) (installation.Installation, error){"Get": s.Get, "Reread": s.Reread} {
			if _, err := lookUp(t.Context(), key); !errors.Is(err, installation.ErrNotFound) {
				t.Errorf("%s of a key of %d bytes = %v, want ErrNotFound", name, len(key), err)
			}
		}
	}
	wantCalls(t, s.line)
	nameless := installation.NewSecretsManager(s.cloud.client(s.line), installation.Options{})
	// Not ErrNotFound: a store without an app key would answer 401 to everybody.
	if _, err := nameless.Get(t.Context(), clientKey); !errors.Is(err, installation.ErrInvalid) || errors.Is(err, installation.ErrNotFound) {
		t.Errorf("Get without an app key = %v, want ErrInvalid", err)
	}
}

func TestRereadAsksAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	other := s.open(nil)
	rotate := func(secret string) {
		t.Helper()
		in.SharedSecret = redact.New(secret)
		in = must(other.Update(t.Context(), in, secret))(t)
	}
	reread := func(want string, calls ...string) {
		t.Helper()
		got := must(s.Reread(t.Context(), clientKey))(t)
		if got.SharedSecret.Reveal() != want {
			t.Errorf("Reread returns %q, want %q", got.SharedSecret.Reveal(), want)
		}
		wantCalls(t, s.line, calls...)
	}
	s.line.took()
	rotate("s2")
	reread("s2", "GetSecretValue")
	rotate("s3")
	for range 50 {
		reread("s2") // garbage floods in
	}
	s.clock.advance(time.Minute - 1)
	reread("s2")
	s.clock.advance(1)
	reread("s3", "GetSecretValue")
	// What was read again is good for a whole TTL.
	s.clock.advance(5*time.Minute - 1)
	if got := must(s.Get(t.Context(), clientKey))(t); got.SharedSecret.Reveal() != "s3" {
		t.Errorf("Get returns %q, want s3", got.SharedSecret.Reveal())
	}
	wantCalls(t, s.line)
}

func TestRereadOfAnUnknownClientKeyIsLimitedToo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 20 {
		if _, err := s.Reread(t.Context(), clientKey); !errors.Is(err, installation.ErrNotFound) {
			t.Fatal(err)
		}
	}
	wantCalls(t, s.line, "GetSecretValue")
}

func TestAFailedRereadMayBeRepeated(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	failing := false
	reader := s.open(&line{cut: func(int) (before, after bool) { return failing, false }})
	must(reader.Get(t.Context(), clientKey))(t)
	in.SharedSecret = redact.New("s2")
	must(s.Update(t.Context(), in, "2"))(t)
	failing = true
	if _, err := reader.Reread(t.Context(), clientKey); !errors.Is(err, installation.ErrUnavailable) {
		t.Fatalf("Reread without AWS = %v", err)
	}
	// Not the cached s1: a request signed with s2 would get a 401 for an outage.
	failing, reader.line.dead = false, false
	if got := must(reader.Reread(t.Context(), clientKey))(t); got.SharedSecret.Reveal() != "s2" {
		t.Errorf("Reread returns %q, want s2", got.SharedSecret.Reveal())
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const size = 3
	store := installation.NewSecretsManager(s.cloud.client(s.line), installation.Options{AppKey: s.appKey, CacheSize: size, Now: s.clock.Now})
	repeat(size+1, func(_ int, key string) { must(store.Create(t.Context(), sample(key, "s"), "1"))(t) })
	s.line.took()
	repeat(size+1, func(i int, _ string) { // the latest first, so that nothing is evicted meanwhile
		must(store.Get(t.Context(), fmt.Sprintf("connection:%05d", size-i)))(t)
	})
	wantCalls(t, s.line, "GetSecretValue") // for the oldest alone

	// A flood of invented keys must not push installations out.
	repeat(10*size, func(_ int, key string) { _, _ = store.Get(t.Context(), "invented-"+key) })
	s.line.took()
	for _, key := range []string{"connection:00000", "connection:00002", "connection:00001"} {
		must(store.Get(t.Context(), key))(t)
	}
	wantCalls(t, s.line)
}

func TestConcurrentLookUpsShareOneCall(t *testing.T) {
	t.Parallel()
	for name, lookUp := range map[string]func(*installation.SecretsManager) func(context.Context, string) (installation.Installation, error){
		"Get": func(s *installation.SecretsManager) func(context.Context, string) (installation.Installation, error) {
			return s.Get
		},
		"Reread": func(s *installation.SecretsManager) func(context.Context, string) (installation.Installation, error) {
			return s.Reread
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
			entered, release := make(chan struct{}), make(chan struct{})
			s = s.open(&line{cut: func(int) (before, after bool) {
				select {
				case entered <- struct{}{}:
					<-release
				case <-release: // a call too many; the count at the end tells
				}
				return false, false
			}})
			look := lookUp(s.SecretsManager)
			results := make(chan error)
			ask := func(ctx context.Context) {
				in, err := look(ctx, clientKey)
				if err == nil && in.SharedSecret.Reveal() != "s1" {
					err = errors.New("wrong secret")
				}
				results <- err
			}
			// The first asks and gives up while AWS is still at it; that must not fail
			// the others, who ask for the same while the call is under way.
			first, cancel := context.WithCancel(t.Context())
			go ask(first)
			<-entered
			cancel()
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
			const others = 49
			for range others {
				go ask(t.Context())
			}
			close(release)
			for range others {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			wantCalls(t, s.line, "GetSecretValue")
		})
	}
}

// Sharing a call must not share an answer among installations.
func TestLookUpsOfDifferentInstallationsAreApart(t *testing.T) {
	t.Parallel()
	const count = 20
	s := newShop(t)
	repeat(count, func(_ int, key string) { must(s.Create(t.Context(), sample(key, "s of "+key), "1"))(t) })
	for name, lookUp := range map[string]func(installation.Store) func(context.Context, string) (installation.Installation, error){
		"Get": func(s installation.Store) func(context.Context, string) (installation.Installation, error) {
			return s.Get
		},
		"Reread": func(s installation.Store) func(context.Context, string) (installation.Installation, error) {
			return s.Reread
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			api := &slowGet{SecretsManagerAPI: s.cloud.client(&line{}), hold: func() { <-release }}
			look := lookUp(installation.NewSecretsManager(api, installation.Options{AppKey: s.appKey, Now: s.clock.Now}))
			var asked, answered sync.WaitGroup
			asked.Add(count)
			repeat(count, func(_ int, key string) {
				answered.Go(func() {
					asked.Done()
					if in, err := look(t.Context(), key); err != nil || in.SharedSecret.Reveal() != "s of "+key {
						t.Errorf("%s = %q, %v", key, in.SharedSecret.Reveal(), err)
					}
				})
			})
			asked.Wait()
			close(release)
			answered.Wait()
		})
	}
}

// A read that began before a write must not bring back what the write replaced.
func TestAWriteIsNotUndoneByAReadUnderWay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	entered, release := make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	s = s.open(nil)
	api := &slowGet{SecretsManagerAPI: s.cloud.client(s.line), hold: func() {
		if held.CompareAndSwap(false, true) {
			close(entered)
			<-release
		}
	}}
	store := installation.NewSecretsManager(api, installation.Options{AppKey: s.appKey, Now: s.clock.Now})
	read := make(chan error)
	go func() {
		_, err := store.Get(t.Context(), clientKey)
		read <- err
	}()
	<-entered // AWS answered s1, and the answer is on its way
	in.SharedSecret = redact.New("s2")
	must(store.Update(t.Context(), in, "2"))(t)
	close(release)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	if got := must(store.Get(t.Context(), clientKey))(t); got.SharedSecret.Reveal() != "s2" {
		t.Errorf("after the write Get returns %q, want s2", got.SharedSecret.Reveal())
	}
}

// slowGet holds the answer of GetSecretValue back.
type slowGet struct {
	installation.SecretsManagerAPI
	hold func()
}

func (s *slowGet) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := s.SecretsManagerAPI.GetSecretValue(ctx, in, options...)
	s.hold()
	return out, err
}

func TestAFloodOnOneInstallationIsOneReadAMinute(t *testing.T) {
	t.Parallel()
	c := simulated(t, simulator.Options{})
	s := shop{cloud: c, clock: newClock(), appKey: "app"}.open(nil)
	must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	c.simulator.Faults.ResetCalls()
	const minutes = 10
	for range minutes * 60 {
		for range 20 {
			must(s.Get(t.Context(), clientKey))(t)
			must(s.Reread(t.Context(), clientKey))(t)
		}
		s.clock.advance(time.Second)
	}
	if got := c.simulator.Faults.Count(fault.Target("GetSecretValue")); got > minutes {
		t.Errorf("%d reads in %d minutes of garbage, want at most one a minute", got, minutes)
	}
}
