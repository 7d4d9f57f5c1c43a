package installation_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// request is one that is signed with a secret. It returns whether Find found that.
func request(t *testing.T, s shop, clientKey, secret string) (found bool, err error) {
	t.Helper()
	in, err := s.Find(t.Context(), clientKey, func(in installation.Installation) bool {
		found = in.SharedSecret.Equal(redact.New(secret)) || in.PreviousSecret.Equal(redact.New(secret))
		return found
	})
	if found && (in.ClientKey != clientKey || err != nil) {
		t.Errorf("Find returns %q and %v for what it found", in.ClientKey, err)
	}
	return found, err
}

func sent(t *testing.T, s shop, clientKey, secret string, want bool, calls ...string) {
	t.Helper()
	if found, err := request(t, s, clientKey, secret); found != want || err != nil {
		t.Errorf("signed with %s: found is %v, %v, want %v", secret, found, err, want)
	}
	wantCalls(t, s.line, calls...)
}

// rotator is another process, which rotates the secret of clientKey.
func rotator(t *testing.T, s shop) func(secret string) {
	t.Helper()
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	other := s.open(nil)
	s.line.took()
	return func(secret string) {
		t.Helper()
		in.SharedSecret = redact.New(secret)
		in = must(other.Update(t.Context(), in, secret))(t)
	}
}

func TestARotationElsewhereIsFoundByOneRead(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	rotate := rotator(t, s)
	s = s.open(nil)
	sent(t, s, clientKey, "s1", true, "GetSecretValue") // warmed by a genuine request
	rotate("s2")
	sent(t, s, clientKey, "s2", true, "GetSecretValue")
	sent(t, s, clientKey, "s1", true) // the previous one still verifies
	rotate("s3")
	for range 50 {
		sent(t, s, clientKey, "garbage", false)
	}
	s.clock.advance(time.Minute - 1)
	sent(t, s, clientKey, "s3", false)
	s.clock.advance(1)
	sent(t, s, clientKey, "s3", true, "GetSecretValue")
	// What was read again is good for a whole TTL.
	s.clock.advance(5*time.Minute - 1)
	sent(t, s, clientKey, "s3", true)
}

// A look-up that a request has caused itself is younger than the request.
func TestAMisfitThatWasJustReadIsNotReadAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	rotate := rotator(t, s)
	for name, prepare := range map[string]func(s shop){
		"cold":           func(shop) {},
		"TTL passed":     func(s shop) { sent(t, s, clientKey, "s1", true, "GetSecretValue"); s.clock.advance(5 * time.Minute) },
		"minutes passed": func(s shop) { sent(t, s, clientKey, "garbage", false, "GetSecretValue"); s.clock.advance(time.Hour) },
	} {
		s := s.open(nil)
		prepare(s)
		sent(t, s, clientKey, "garbage of "+name, false, "GetSecretValue")
		sent(t, s, clientKey, "s1", true)
		// Not even a genuine request frees the minute that garbage has spent.
		s.clock.advance(time.Minute - 1)
		sent(t, s, clientKey, "garbage", false)
		s.clock.advance(1)
		sent(t, s, clientKey, "garbage", false, "GetSecretValue")
		sent(t, s, clientKey, "garbage", false)
	}
	s = s.open(nil)
	sent(t, s, clientKey, "garbage", false, "GetSecretValue")
	rotate("s2")
	s.clock.advance(time.Minute)
	sent(t, s, clientKey, "s2", true, "GetSecretValue")
}

// A look-up without a proof, as for an unsigned first install, says nothing about the
// requests that follow.
func TestAnUnsignedLookUpLeavesTheRead(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if _, err := s.Get(t.Context(), clientKey); !errors.Is(err, installation.ErrNotFound) {
		t.Fatal(err)
	}
	s.line.took()
	must(s.open(nil).Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	sent(t, s, clientKey, "s1", true, "GetSecretValue")
}

// The zero Installation stands for an unknown one: the app's own secret may fit.
func TestFindAsksAboutUnknownInstallations(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, fits := range []bool{true, false} {
		var asked []installation.Installation
		in, err := s.open(nil).Find(t.Context(), clientKey, func(in installation.Installation) bool {
			asked = append(asked, in)
			return fits
		})
		if !errors.Is(err, installation.ErrNotFound) || in != (installation.Installation{}) {
			t.Errorf("fits %v: Find = %v, %v, want ErrNotFound", fits, in, err)
		}
		if len(asked) != 1 || asked[0] != (installation.Installation{}) {
			t.Errorf("fits %v: asked about %v, want the zero Installation, once", fits, asked)
		}
	}
}

// Not the cached s1: a request signed with s2 would get a 401 for an outage.
func TestAReadThatFailedIsTriedByTheNextRequest(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	rotate := rotator(t, s)
	failing := false
	s = s.open(&line{cut: func(int) (before, after bool) { return failing, false }})
	sent(t, s, clientKey, "s1", true, "GetSecretValue")
	rotate("s2")
	failing = true
	asked := 0
	_, err := s.Find(t.Context(), clientKey, func(installation.Installation) bool { asked++; return false })
	if asked != 1 || !errors.Is(err, installation.ErrUnavailable) {
		t.Fatalf("without AWS: asked %d times, %v; want once, about what is remembered, and ErrUnavailable", asked, err)
	}
	failing, s.line.dead = false, false
	s.line.took()
	sent(t, s, clientKey, "s2", true, "GetSecretValue")
}

// TestAFloodIsOneReadAMinute sends garbage for four minutes, twenty requests every five
// seconds at once, in the name of several installations, some of them made up.
func TestAFloodIsOneReadAMinute(t *testing.T) {
	t.Parallel()
	const installed, madeUp, minutes = 3, 2, 4
	for name, warm := range map[string]bool{"cold": false, "warm": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			keys := make([]string, 0, installed+madeUp)
			repeat(installed+madeUp, func(i int, key string) {
				keys = append(keys, key)
				if i < installed {
					must(s.Create(t.Context(), sample(key, "s1"), "1"))(t)
				}
			})
			s = s.open(nil)
			if warm {
				for _, key := range keys[:installed] {
					sent(t, s, key, "s1", true, "GetSecretValue")
				}
			}
			for minute := range minutes {
				for range 12 {
					flood(t, s, keys)
					s.clock.advance(5 * time.Second)
				}
				if reads := s.line.took(); len(reads) > len(keys) || len(reads) == 0 {
					t.Errorf("minute %d: %d reads for %d client keys, want one each at most", minute, len(reads), len(keys))
				}
			}
		})
	}
}

// flood sends 20 requests for each client key at once.
func flood(t *testing.T, s shop, keys []string) {
	t.Helper()
	var flood sync.WaitGroup
	for _, key := range keys {
		for range 20 {
			flood.Go(func() {
				_, err := s.Find(t.Context(), key, func(installation.Installation) bool { return false })
				if err != nil && !errors.Is(err, installation.ErrNotFound) {
					t.Error(err)
				}
			})
		}
	}
	flood.Wait()
}

// Garbage that comes while a read is under way shares it, and causes no other.
func TestGarbageThatSharesAReadCausesNoOther(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	held := newHold()
	s = s.open(&line{before: on("GetSecretValue", held.wait)})
	results := make(chan error)
	ask := func() {
		_, err := request(t, s, clientKey, "garbage")
		results <- err
	}
	go ask()
	<-held.entered
	const others = 20
	for range others {
		go ask()
	}
	close(held.release)
	for range 1 + others {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	wantCalls(t, s.line, "GetSecretValue")
}

// A request that was cancelled leaves a look-up without a verdict.
func TestALookUpWithoutAVerdictCountsForItsMinuteOnly(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	rotate := rotator(t, s)
	held := newHold()
	s = s.open(&line{before: on("GetSecretValue", held.wait)})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := s.Find(ctx, clientKey, func(installation.Installation) bool { return true })
		gone <- err
	}()
	<-held.entered
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(held.release)
	must(s.Get(t.Context(), clientKey))(t) // waits for the read
	wantCalls(t, s.line, "GetSecretValue")
	rotate("s2")
	s.clock.advance(time.Minute)
	sent(t, s, clientKey, "s2", true, "GetSecretValue")
}

// After a write whose answer was lost the state in force is unknown, and a flood must
// not keep the process from reading it.
func TestAWriteWithoutAnAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	lost := ""
	s = s.open(nil)
	s.line.cut = func(int) (before, after bool) {
		return false, lost != "" && s.line.calls[len(s.line.calls)-1] == lost
	}
	write := func(operation string, do func() error) {
		t.Helper()
		lost = operation
		if err := do(); !errors.Is(err, installation.ErrUnavailable) {
			t.Fatalf("%s without an answer: %v", operation, err)
		}
		lost, s.line.dead = "", false
		s.line.took()
	}
	if found, err := request(t, s, clientKey, "garbage"); found || !errors.Is(err, installation.ErrNotFound) {
		t.Fatal(found, err)
	}
	write("CreateSecret", func() error {
		_, err := s.Create(t.Context(), sample(clientKey, "s1"), "1")
		return err
	})
	sent(t, s, clientKey, "s1", true, "GetSecretValue")
	s.clock.advance(time.Minute)
	sent(t, s, clientKey, "garbage", false, "GetSecretValue")
	in := must(s.Get(t.Context(), clientKey))(t)
	in.SharedSecret = redact.New("s2")
	write("UpdateSecretVersionStage", func() error {
		_, err := s.Update(t.Context(), in, "2")
		return err
	})
	sent(t, s, clientKey, "s2", true, "GetSecretValue")
}

func TestWhatIsGoneIsNotRemembered(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	sent(t, s, clientKey, "s1", true, "CreateSecret")
	must(s.cloud.client(&line{}).DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
		SecretId: aws.String(s.name(t, clientKey)), ForceDeleteWithoutRecovery: aws.Bool(true),
	}))(t)
	var asked []string
	_, err := s.Find(t.Context(), clientKey, func(in installation.Installation) bool {
		asked = append(asked, in.SharedSecret.Reveal())
		return false
	})
	if diff := cmp.Diff([]string{"s1", ""}, asked); diff != "" || !errors.Is(err, installation.ErrNotFound) {
		t.Errorf("Find = %v, want ErrNotFound; asked about (-want +got):\n%s", err, diff)
	}
	if _, err := s.Get(t.Context(), clientKey); !errors.Is(err, installation.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
}

// What was looked up may be pushed out of a full cache before its request is judged.
func TestWhatIsJudgedMayBeForgottenMeanwhile(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	repeat(2, func(_ int, key string) { must(s.Create(t.Context(), sample(key, "s of "+key), "1"))(t) })
	const key, other = "connection:00000", "connection:00001"
	store := installation.NewSecretsManager(s.cloud.client(s.line), installation.Options{AppKey: s.appKey, CacheSize: 1, Now: s.clock.Now})
	for _, fits := range []bool{true, false, false} {
		in, err := store.Find(t.Context(), key, func(installation.Installation) bool {
			must(store.Get(t.Context(), other))(t)
			return fits
		})
		if err != nil || in.SharedSecret.Reveal() != "s of "+key {
			t.Errorf("fits %v: Find = %+v, %v", fits, seen(in), err)
		}
	}
}
