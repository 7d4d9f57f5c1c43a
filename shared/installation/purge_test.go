package installation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
)

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
	if err := s.Purge(t.Context(), in, 10*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if sent := s.line.sent["DeleteSecret"]; !strings.Contains(sent, `"RecoveryWindowInDays":10`) {
		t.Errorf("asked for the deletion with %s, want a recovery window of 10 days", sent)
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

// TestPurgeRestoresWhatWasReinstalledMeanwhile: the app is installed again between the
// read and the deletion. No list has what is scheduled for deletion, so a purge that
// can't tell, or is interrupted, restores it as well.
func TestPurgeRestoresWhatWasReinstalledMeanwhile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refuse, code string
		interrupt    bool
		want         error
		text         string
	}{
		"seen":                {want: installation.ErrConflict, text: clientKey},
		"not to be described": {refuse: "DescribeSecret", code: "ThrottlingException", want: installation.ErrUnavailable, text: clientKey},
		"interrupted":         {interrupt: true, want: installation.ErrConflict, text: clientKey},
		"may not delete": {
			refuse: "DeleteSecret", code: "AccessDeniedException", want: awsenv.ErrAccessDenied, text: "allow secretsmanager:DeleteSecret on secrets named",
		},
		"may not restore": {
			refuse: "RestoreSecret", code: "AccessDeniedException", want: awsenv.ErrAccessDenied,
			text: "allow secretsmanager:RestoreSecret on secrets named",
		},
		"may not restore, and what that means": {
			refuse: "RestoreSecret", code: "AccessDeniedException", want: awsenv.ErrAccessDenied,
			text: "it may have been installed again since, and is scheduled for deletion: restore it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			in := s.tombstone(t)
			other, back := s.open(nil), in
			back.State, back.SharedSecret = installation.Installed, redact.New("s2")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			purging := s.open(&line{
				before: on("DeleteSecret", func() { must(other.Update(t.Context(), back, "3"))(t) }),
				after: on("DeleteSecret", func() {
					if test.interrupt {
						cancel()
					}
				}),
				refuse: map[string]string{test.refuse: test.code},
			})
			err := purging.Purge(ctx, in, installation.MinRecovery)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), clientKey) {
				t.Errorf("Purge = %v, want %v, %q and the client key", err, test.want, test.text)
			}
			if test.refuse == "RestoreSecret" {
				return
			}
			if got := must(s.open(nil).Get(t.Context(), clientKey))(t); got.State != installation.Installed || got.SharedSecret.Reveal() != "s2" {
				t.Errorf("after the purge: %+v", seen(got))
			}
		})
	}
}
