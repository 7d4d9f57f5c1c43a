package installation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

// onDelete calls before with each DeleteSecret.
type onDelete struct {
	installation.SecretsManagerAPI
	before func(*secretsmanager.DeleteSecretInput)
}

func (o onDelete) DeleteSecret(ctx context.Context, in *secretsmanager.DeleteSecretInput, options ...func(*secretsmanager.Options)) (*secretsmanager.DeleteSecretOutput, error) {
	o.before(in)
	return o.SecretsManagerAPI.DeleteSecret(ctx, in, options...)
}

// tombstone stores an installation and uninstalls it.
func (s shop) tombstone(t *testing.T) installation.Installation {
	t.Helper()
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	in.State = installation.Uninstalled
	return must(s.Update(t.Context(), in, "2"))(t)
}

func TestPurgeSchedulesATombstonesDeletion(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := s.tombstone(t)
	var days int64
	api := onDelete{s.cloud.client(s.line), func(in *secretsmanager.DeleteSecretInput) { days = aws.ToInt64(in.RecoveryWindowInDays) }}
	s.SecretsManager = installation.NewSecretsManager(api, installation.Options{AppKey: s.appKey, Now: s.clock.Now})
	if err := s.Purge(t.Context(), in, 10*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if days != 10 {
		t.Errorf("recovery window of %d days, want 10", days)
	}
	// Cached or not, it can't be read, and that is not "unavailable": it won't pass by itself.
	for name, store := range map[string]shop{"the same process": s, "another": s.open(nil)} {
		if _, err := store.Get(t.Context(), clientKey); !errors.Is(err, installation.ErrPendingDeletion) || errors.Is(err, installation.ErrUnavailable) {
			t.Errorf("%s: Get = %v, want ErrPendingDeletion", name, err)
		}
	}
	if _, err := s.Create(t.Context(), sample(clientKey, "s2"), "3"); !errors.Is(err, installation.ErrPendingDeletion) {
		t.Errorf("Create = %v, want ErrPendingDeletion", err)
	}
	if _, err := s.Update(t.Context(), in, "4"); !errors.Is(err, installation.ErrPendingDeletion) {
		t.Errorf("Update = %v, want ErrPendingDeletion", err)
	}
	s.line.took()
	if err := s.Purge(t.Context(), in, 10*24*time.Hour); err != nil {
		t.Errorf("Purge again = %v", err)
	}
	wantCalls(t, s.line, "GetSecretValue")
}

func TestARestoredInstallationIsBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := s.tombstone(t)
	if err := s.Purge(t.Context(), in, installation.MaxRecovery); err != nil {
		t.Fatal(err)
	}
	must(s.cloud.client(&line{}).RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: aws.String(s.name(t, clientKey))}))(t)
	if diff := cmp.Diff(seen(in), seen(must(s.Get(t.Context(), clientKey))(t))); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
}

func TestPurgeRefusesWhatIsNotATombstone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	old := s.tombstone(t)
	in := old
	in.State, in.SharedSecret = installation.Installed, redact.New("s2")
	in = must(s.Update(t.Context(), in, "3"))(t)
	const window, there = "the recovery window is a whole number of days", "the app is installed there"
	for name, test := range map[string]struct {
		in       installation.Installation
		recovery time.Duration
		want     error
		text     string
	}{
		"installed":                 {in, installation.MinRecovery, installation.ErrInvalid, there},
		"reinstalled since read":    {old, installation.MinRecovery, installation.ErrInvalid, there},
		"unknown":                   {sample("never", "x"), installation.MinRecovery, installation.ErrNotFound, "purge installation never"},
		"no client key":             {sample("", "x"), installation.MinRecovery, installation.ErrInvalid, "empty app key or client key"},
		"without a recovery window": {old, 0, installation.ErrInvalid, window},
		"a window too short":        {old, 6 * 24 * time.Hour, installation.ErrInvalid, window},
		"a window too long":         {old, 31 * 24 * time.Hour, installation.ErrInvalid, window},
		"half a day":                {old, installation.MinRecovery + 12*time.Hour, installation.ErrInvalid, window},
	} {
		t.Run(name, func(t *testing.T) {
			fresh := s.open(nil)
			err := fresh.Purge(t.Context(), test.in, test.recovery)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), test.in.ClientKey) {
				t.Errorf("Purge = %v, want %v, %q and the client key", err, test.want, test.text)
			}
			if wrote := writes(fresh.line.took()); len(wrote) != 0 {
				t.Errorf("it wrote %v", wrote)
			}
		})
	}
	in.State = installation.Uninstalled
	again := must(s.Update(t.Context(), in, "4"))(t)
	s.line.took()
	if err := s.Purge(t.Context(), old, installation.MinRecovery); !errors.Is(err, installation.ErrConflict) || !strings.Contains(err.Error(), clientKey) {
		t.Errorf("Purge of an older tombstone = %v, want ErrConflict and the client key", err)
	}
	wantCalls(t, s.line, "GetSecretValue")
	if err := s.Purge(t.Context(), again, installation.MinRecovery); err != nil {
		t.Errorf("Purge of the tombstone in force = %v", err)
	}
}

func TestPurgeRestoresWhatWasReinstalledMeanwhile(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := s.tombstone(t)
	other := s.open(nil)
	// The reinstall wins the moment between reading and deleting.
	api := onDelete{s.cloud.client(s.line), func(*secretsmanager.DeleteSecretInput) {
		back := in
		back.State, back.SharedSecret = installation.Installed, redact.New("s2")
		must(other.Update(t.Context(), back, "3"))(t)
	}}
	store := installation.NewSecretsManager(api, installation.Options{AppKey: s.appKey, Now: s.clock.Now})
	if err := store.Purge(t.Context(), in, installation.MinRecovery); !errors.Is(err, installation.ErrConflict) || !strings.Contains(err.Error(), clientKey) {
		t.Fatalf("Purge = %v, want ErrConflict and the client key", err)
	}
	if got := must(s.open(nil).Get(t.Context(), clientKey))(t); got.State != installation.Installed || got.SharedSecret.Reveal() != "s2" {
		t.Errorf("after the purge: %+v", seen(got))
	}
}

// failingDescribe is a Secrets Manager that describes nothing.
type failingDescribe struct{ onDelete }

func (failingDescribe) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "ThrottlingException"}
}

// A purge that can't tell whether the workspace reinstalled meanwhile undoes itself:
// no list has what is scheduled for deletion, so nobody would look again.
func TestPurgeRestoresWhatItCantSee(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := s.tombstone(t)
	other, back := s.open(nil), in
	back.State, back.SharedSecret = installation.Installed, redact.New("s2")
	api := failingDescribe{onDelete{s.cloud.client(s.line), func(*secretsmanager.DeleteSecretInput) {
		must(other.Update(t.Context(), back, "3"))(t)
	}}}
	store := installation.NewSecretsManager(api, installation.Options{AppKey: s.appKey, Now: s.clock.Now})
	if err := store.Purge(t.Context(), in, installation.MinRecovery); !errors.Is(err, installation.ErrUnavailable) {
		t.Fatalf("Purge = %v, want ErrUnavailable", err)
	}
	if got := must(s.open(nil).Get(t.Context(), clientKey))(t); got.State != installation.Installed || got.SharedSecret.Reveal() != "s2" {
		t.Errorf("after the purge: %+v", seen(got))
	}
}

// deniedTo is a Secrets Manager that refuses some operations.
type deniedTo struct {
	onDelete
	delete, restore bool
}

var errDenied = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: noAccess}

func (d deniedTo) DeleteSecret(ctx context.Context, in *secretsmanager.DeleteSecretInput, options ...func(*secretsmanager.Options)) (*secretsmanager.DeleteSecretOutput, error) {
	if d.delete {
		return nil, errDenied
	}
	return d.onDelete.DeleteSecret(ctx, in, options...)
}

func (d deniedTo) RestoreSecret(ctx context.Context, in *secretsmanager.RestoreSecretInput, options ...func(*secretsmanager.Options)) (*secretsmanager.RestoreSecretOutput, error) {
	if d.restore {
		return nil, errDenied
	}
	return d.onDelete.RestoreSecret(ctx, in, options...)
}

func TestPurgeSaysWhatItMayNotDo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		delete, restore bool
		want            []string
	}{
		"delete":             {true, false, []string{"allow secretsmanager:DeleteSecret on secrets named"}},
		"restore, reinstall": {false, true, []string{"allow secretsmanager:RestoreSecret on secrets named", "it may have been installed again since, and is scheduled for deletion: restore it"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			in := s.tombstone(t)
			other, back := s.open(nil), in
			back.State = installation.Installed
			api := deniedTo{onDelete{s.cloud.client(s.line), func(*secretsmanager.DeleteSecretInput) {
				must(other.Update(t.Context(), back, "3"))(t)
			}}, test.delete, test.restore}
			store := installation.NewSecretsManager(api, installation.Options{AppKey: s.appKey, Now: s.clock.Now})
			err := store.Purge(t.Context(), in, installation.MinRecovery)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), clientKey) {
					t.Errorf("Purge = %v, want %q and the client key", err, want)
				}
			}
		})
	}
}

// interrupted is a Secrets Manager whose caller gives up once it has deleted.
type interrupted struct {
	onDelete
	cancel context.CancelFunc
}

func (i interrupted) DeleteSecret(ctx context.Context, in *secretsmanager.DeleteSecretInput, options ...func(*secretsmanager.Options)) (*secretsmanager.DeleteSecretOutput, error) {
	defer i.cancel()
	return i.onDelete.DeleteSecret(ctx, in, options...)
}

// Who interrupts a purge must not lose the workspace that came back meanwhile.
func TestAnInterruptedPurgeRestoresWhatWasReinstalled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := s.tombstone(t)
	other, back := s.open(nil), in
	back.State = installation.Installed
	ctx, cancel := context.WithCancel(t.Context())
	api := interrupted{onDelete{s.cloud.client(s.line), func(*secretsmanager.DeleteSecretInput) {
		must(other.Update(t.Context(), back, "3"))(t)
	}}, cancel}
	store := installation.NewSecretsManager(api, installation.Options{AppKey: s.appKey, Now: s.clock.Now})
	if err := store.Purge(ctx, in, installation.MinRecovery); !errors.Is(err, installation.ErrConflict) {
		t.Errorf("Purge = %v, want ErrConflict", err)
	}
	if got, err := s.open(nil).Get(t.Context(), clientKey); err != nil || got.State != installation.Installed {
		t.Errorf("after the purge: %+v, %v", seen(got), err)
	}
}
