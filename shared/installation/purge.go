package installation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/shared/connect"
)

// Shortest and longest recovery window of [SecretsManager.Purge].
// Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
const (
	MinRecovery = 7 * 24 * time.Hour
	MaxRecovery = 30 * 24 * time.Hour
)

// undoTimeout is for two calls to AWS, with their retries.
const undoTimeout = 30 * time.Second

// Purge implements [Store]. recovery is a whole number of days from
// [MinRecovery] to [MaxRecovery]; until it has passed, RestoreSecret brings the
// installation back. To purge again what is scheduled already changes nothing.
//
// A purged workspace can install again only as one that was never there, and
// Bitbucket would sign that install with the secret that is gone. Purge for good
// only what won't return.
func (s *SecretsManager) Purge(ctx context.Context, in Installation, recovery time.Duration) error {
	days := int64(recovery / (24 * time.Hour))
	if recovery < MinRecovery || recovery > MaxRecovery || recovery%(24*time.Hour) != 0 {
		return &Error{Op: "purge installation", Subject: in.ClientKey, Kind: ErrInvalid, Hint: "the recovery window is a whole number of days from 7 to 30"}
	}
	in.ClientKey = connect.CanonicalClientKey(in.ClientKey)
	current, err := s.current(ctx, "purge installation", in.ClientKey)
	switch {
	case errors.Is(err, ErrPendingDeletion):
		return nil
	case err != nil:
		return err
	case current.State != Uninstalled:
		return &Error{Op: "purge installation", Subject: in.ClientKey, Kind: ErrInvalid, Hint: "the app is installed there"}
	case current.Version != in.Version:
		return &Error{Op: "purge installation", Subject: in.ClientKey, Kind: ErrConflict}
	}
	name, err := EncodeName(s.options.AppKey, in.ClientKey)
	if err != nil {
		return err
	}
	defer s.cache.forget(in.ClientKey)
	_, err = s.api.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: aws.String(name), RecoveryWindowInDays: aws.Int64(days)})
	if err != nil {
		return s.failed(call{"purge installation", in.ClientKey, "DeleteSecret"}, err)
	}
	return s.undoIfReinstalled(ctx, name, in)
}

// undoIfReinstalled restores what was reinstalled between reading and deleting:
// DeleteSecret takes no version. Once the deletion is scheduled, every write is
// refused, so the state that is read now is final. An installation that can't be
// read is restored, too, because no later run would look at it.
func (s *SecretsManager) undoIfReinstalled(ctx context.Context, name string, in Installation) error {
	// An interrupted purge must not stop halfway.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	described, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
	if err == nil && slices.Contains(described.VersionIdsToStages[in.Version], stageCurrent) {
		return nil
	}
	if _, err := s.api.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: aws.String(name)}); err != nil {
		return fmt.Errorf("%w; it may have been installed again since, and is scheduled for deletion: restore it (aws secretsmanager restore-secret)",
			s.failed(call{"purge installation", in.ClientKey, "RestoreSecret"}, err))
	}
	if err != nil {
		return s.failed(call{"purge installation", in.ClientKey, "DescribeSecret"}, err)
	}
	return &Error{Op: "purge installation", Subject: in.ClientKey, Kind: ErrConflict, Hint: "it was changed meanwhile and has been restored"}
}
