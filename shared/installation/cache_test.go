package installation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

func wantCalls(t *testing.T, l *line, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, l.took()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// lookUps are the ways to look an installation up, Find for a request that fits
// and for one that doesn't.
func lookUps() map[string]func(installation.Store, context.Context, string) (installation.Installation, error) {
	type look = func(installation.Store, context.Context, string) (installation.Installation, error)
	find := func(fits bool) look {
		return func(s installation.Store, ctx context.Context, clientKey string) (installation.Installation, error) {
			return s.Find(ctx, clientKey, func(installation.Installation) bool { return fits })
		}
	}
	return map[string]look{"Get": installation.Store.Get, "Find, fits": find(true), "Find, does not fit": find(false)}
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
	s.clock.advance(time.Minute - 1)
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

func TestImpossibleClientKeysMakeNoCall(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, key := range []string{"", fmt.Sprintf("%0600d", 1)} {
		if _, err := s.Get(t.Context(), key); !errors.Is(err, installation.ErrNotFound) {
			t.Errorf("Get of a key of %d bytes = %v, want ErrNotFound", len(key), err)
		}
		asked := 0
		_, err := s.Find(t.Context(), key, func(in installation.Installation) bool {
			asked++
			return in == installation.Installation{}
		})
		if !errors.Is(err, installation.ErrNotFound) || asked != 1 {
			t.Errorf("Find of a key of %d bytes = %v, and asked %d times, want ErrNotFound and once", len(key), err, asked)
		}
	}
	wantCalls(t, s.line)
	nameless := installation.NewSecretsManager(s.cloud.client(s.line), installation.Options{})
	// Not ErrNotFound: a store without an app key would answer 401 to everybody.
	if _, err := nameless.Get(t.Context(), clientKey); !errors.Is(err, installation.ErrInvalid) || errors.Is(err, installation.ErrNotFound) {
		t.Errorf("Get without an app key = %v, want ErrInvalid", err)
	}
	asked := false
	_, err := nameless.Find(t.Context(), clientKey, func(installation.Installation) bool { asked = true; return true })
	if !errors.Is(err, installation.ErrInvalid) || asked {
		t.Errorf("Find without an app key = %v, asked %v; nothing is known of the installation", err, asked)
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

	// Writing keeps an installation as reading does.
	oldest := must(store.Get(t.Context(), "connection:00002"))(t)
	repeat(2, func(i int, _ string) { must(store.Get(t.Context(), fmt.Sprintf("connection:%05d", i)))(t) })
	must(store.Update(t.Context(), oldest, "2"))(t)
	must(store.Get(t.Context(), "connection:00003"))(t)
	s.line.took()
	must(store.Get(t.Context(), "connection:00002"))(t)
	wantCalls(t, s.line)
	repeat(2, func(i int, _ string) { must(store.Get(t.Context(), fmt.Sprintf("connection:%05d", i)))(t) })
	s.line.took()

	// A flood of invented keys must not push installations out.
	repeat(10*size, func(_ int, key string) { _, _ = store.Get(t.Context(), "invented-"+key) })
	s.line.took()
	for _, key := range []string{"connection:00000", "connection:00002", "connection:00001"} {
		must(store.Get(t.Context(), key))(t)
	}
	wantCalls(t, s.line)
}

// counted knows no installation, and notes how long it may look for one.
type counted struct {
	installation.SecretsManagerAPI
	calls int
	left  time.Duration
}

func (c *counted) GetSecretValue(ctx context.Context, _ *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	c.calls++
	if deadline, ends := ctx.Deadline(); ends {
		c.left = time.Until(deadline)
	}
	return nil, &types.ResourceNotFoundException{}
}

func TestTheCacheIsBoundedWithoutBeingTold(t *testing.T) {
	t.Parallel()
	api := &counted{}
	store := installation.NewSecretsManager(api, installation.Options{AppKey: "app"})
	repeat(1001, func(_ int, key string) { _, _ = store.Get(t.Context(), key) })
	for _, key := range []string{"connection:01000", "connection:00000"} {
		_, _ = store.Get(t.Context(), key)
	}
	if api.calls != 1002 {
		t.Errorf("%d calls for 1001 client keys and the oldest again, want 1002", api.calls)
	}
	// A read is not the asking request's, and has an end of its own.
	if api.left == 0 || api.left > 15*time.Second {
		t.Errorf("a read may take %s", api.left)
	}
}

func TestConcurrentLookUpsShareOneCall(t *testing.T) {
	t.Parallel()
	for name, lookUp := range lookUps() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
			held := newHold()
			s = s.open(&line{before: on("GetSecretValue", held.wait)})
			results := make(chan error)
			ask := func(ctx context.Context) {
				in, err := lookUp(s, ctx, clientKey)
				if err == nil && in.SharedSecret.Reveal() != "s1" {
					err = errors.New("wrong secret")
				}
				results <- err
			}
			// The first asks and gives up while AWS is still at it; that must not fail
			// the others, who ask for the same while the call is under way.
			first, cancel := context.WithCancel(t.Context())
			go ask(first)
			<-held.entered
			cancel()
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("the caller that gave up got %v", err)
			}
			const others = 499 // half of them come while the read ends
			for i := range others {
				if i == others/2 {
					close(held.release)
				}
				go ask(t.Context())
			}
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
func TestLookUpsOfDifferentInstallationsShareNoAnswer(t *testing.T) {
	t.Parallel()
	const count = 20
	s := newShop(t)
	repeat(count, func(_ int, key string) { must(s.Create(t.Context(), sample(key, "s of "+key), "1"))(t) })
	for name, lookUp := range lookUps() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			store := s.open(&line{after: func(string) { <-release }})
			var asked, answered sync.WaitGroup
			asked.Add(count)
			repeat(count, func(_ int, key string) {
				answered.Go(func() {
					asked.Done()
					if in, err := lookUp(store, t.Context(), key); err != nil || in.SharedSecret.Reveal() != "s of "+key {
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
	held := newHold()
	store := s.open(&line{after: on("GetSecretValue", held.wait)})
	read := make(chan error)
	go func() {
		_, err := store.Get(t.Context(), clientKey)
		read <- err
	}()
	<-held.entered // AWS answered s1, and the answer is on its way
	in.SharedSecret = redact.New("s2")
	must(store.Update(t.Context(), in, "2"))(t)
	close(held.release)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	if got := must(store.Get(t.Context(), clientKey))(t); got.SharedSecret.Reveal() != "s2" {
		t.Errorf("after the write Get returns %q, want s2", got.SharedSecret.Reveal())
	}
}

// A look-up after a purge must not share a read that began before it.
func TestAReadUnderWayIsNotSharedAfterAPurge(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := s.tombstone(t)
	held := newHold()
	store := s.open(&line{after: on("GetSecretValue", held.wait)})
	read := make(chan error)
	go func() {
		_, err := store.Get(t.Context(), clientKey)
		read <- err
	}()
	<-held.entered
	if err := store.Purge(t.Context(), in, installation.MinRecovery); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // ends what shares the read
	defer cancel()
	if _, err := store.Get(ctx, clientKey); !errors.Is(err, installation.ErrPendingDeletion) {
		t.Errorf("Get = %v, want ErrPendingDeletion", err)
	}
	close(held.release)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
}
