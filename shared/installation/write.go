package installation

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/shared/redact"
)

// description is what an operator reads in the console.
const description = "Shared secret of one installation of a Bitbucket Connect app, kept by linkersync. Don't edit: the app would be cut off from the workspace."

// Create implements [Store]. InstalledAt is set to now when it is zero.
func (s *SecretsManager) Create(ctx context.Context, in Installation, event string) (Installation, error) {
	name, err := s.check("create installation", &in, event)
	if err != nil {
		return Installation{}, err
	}
	in.UpdatedAt = s.now()
	if in.InstalledAt.IsZero() {
		in.InstalledAt = in.UpdatedAt
	}
	in.PreviousSecret = redact.Secret{}
	next := record{Installation: in}
	next.events = next.remember(event)
	next.Version = token(in, "", event, 0)
	body, err := next.encode()
	if err != nil {
		return Installation{}, &Error{Op: "create installation", Subject: in.ClientKey, Kind: err}
	}
	_, err = s.api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String(name), SecretString: aws.String(body), ClientRequestToken: aws.String(next.Version),
		KmsKeyId: optional(s.options.KMSKeyID), Description: aws.String(description), Tags: tagList(wantedTags(in)),
	})
	switch {
	case codeIs(err, "ResourceExistsException"):
		return s.existing(ctx, in.ClientKey, event)
	case err != nil:
		s.cache.forget(in.ClientKey) // it may have been done all the same
		return Installation{}, s.failed(call{"create installation", in.ClientKey, "CreateSecret"}, err)
	}
	s.cache.wrote(next.Installation)
	return next.Installation, nil
}

// existing answers a Create that met a secret: the same event twice is fine.
func (s *SecretsManager) existing(ctx context.Context, clientKey, event string) (Installation, error) {
	current, err := s.current(ctx, "create installation", clientKey)
	if err != nil {
		return Installation{}, err
	}
	s.cache.wrote(current.Installation)
	if !current.saw(event) {
		return Installation{}, &Error{Op: "create installation", Subject: clientKey, Kind: ErrExists}
	}
	return current.Installation, nil
}

// Update implements [Store]. The store itself carries the previous secret along:
// when the shared secret changes, the replaced one becomes the previous, and it
// stays so through changes of anything else. InstalledAt becomes now when the
// state becomes installed, and stays else.
//
// An event that was applied before, even if others were since, changes nothing
// and returns the state in force.
func (s *SecretsManager) Update(ctx context.Context, in Installation, event string) (Installation, error) {
	name, err := s.check("update installation", &in, event)
	if err != nil {
		return Installation{}, err
	}
	// Reading first ends most redeliveries and lost races before a version is
	// made: a secret has room for about a hundred a day.
	current, err := s.current(ctx, "update installation", in.ClientKey)
	if err != nil {
		s.cache.forget(in.ClientKey) // it may be gone, or be purged
		return Installation{}, err
	}
	if current.saw(event) {
		return s.applied(ctx, name, current)
	}
	if current.Version != in.Version {
		return s.conflict(current)
	}
	next := s.successor(current, in, event)
	// The tag must never say "uninstalled" of an installation that is installed: a
	// fan-out would leave the workspace out. So it goes first here, and last below.
	if next.State == Installed && current.State != Installed {
		if err := s.tag(ctx, "update installation", name, next.Installation, wantedTags(next.Installation)); err != nil {
			return Installation{}, err
		}
	}
	if next, err = s.stage(ctx, name, current, next, event); err != nil {
		return Installation{}, err
	}
	_, err = s.api.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(name), VersionStage: aws.String(stageCurrent),
		MoveToVersionId: aws.String(next.Version), RemoveFromVersionId: aws.String(current.Version),
	})
	switch {
	case codeIs(err, "InvalidParameterException"):
		return s.refused(ctx, name, in.ClientKey, event)
	case err != nil:
		s.cache.forget(in.ClientKey) // it may have been done all the same
		return Installation{}, s.failed(call{"update installation", in.ClientKey, "UpdateSecretVersionStage"}, err)
	}
	return s.applied(ctx, name, next)
}

// successor is the state that follows current.
func (s *SecretsManager) successor(current record, in Installation, event string) record {
	in.UpdatedAt, in.InstalledAt, in.PreviousSecret = s.now(), current.InstalledAt, current.PreviousSecret
	if in.State == Installed && current.State != Installed {
		in.InstalledAt = in.UpdatedAt
	}
	if !in.SharedSecret.Equal(current.SharedSecret) {
		in.PreviousSecret = current.SharedSecret
	}
	return record{Installation: in, events: current.remember(event)}
}

// refused answers a swap that Secrets Manager refused because the version in
// force is another. It may be our own: the answer to a first attempt got lost and
// the SDK tried again, or the same event was delivered twice at once.
func (s *SecretsManager) refused(ctx context.Context, name, clientKey, event string) (Installation, error) {
	current, err := s.current(ctx, "update installation", clientKey)
	if err != nil {
		return Installation{}, err
	}
	if current.saw(event) {
		return s.applied(ctx, name, current)
	}
	return s.conflict(current)
}

// conflict remembers what is in force, so that the caller's next look-up decides
// on that.
func (s *SecretsManager) conflict(current record) (Installation, error) {
	s.cache.wrote(current.Installation)
	return Installation{}, &Error{Op: "update installation", Subject: current.ClientKey, Kind: ErrConflict}
}

// applied finishes an update whose state is in force.
func (s *SecretsManager) applied(ctx context.Context, name string, current record) (Installation, error) {
	s.cache.wrote(current.Installation)
	if err := s.alignTags(ctx, name, current); err != nil {
		return Installation{}, err
	}
	return current.Installation, nil
}

func (s *SecretsManager) now() time.Time { return s.options.Now().UTC().Truncate(time.Second) }

func optional(value string) *string {
	if value == "" {
		return nil
	}
	return aws.String(value)
}
