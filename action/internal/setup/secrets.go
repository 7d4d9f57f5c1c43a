package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/action/internal/apply"
	"github.com/linkersync/linkersync/action/internal/platform"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
)

// OnSecret makes hear learn every secret that is read from now on, before it is
// used: a CI masks it.
func (s *Session) OnSecret(hear func(redact.Secret)) { s.onSecret = hear }

func (s *Session) secretSeen(secret redact.Secret) {
	if s.onSecret != nil && !secret.IsZero() {
		s.onSecret(secret)
	}
}

// Resolve reads the secret that a reference points at: a variable, a file or an
// AWS secret. It refuses what no manifest may name, with [apply.ErrReserved].
func (s *Session) Resolve(ctx context.Context, reference manifest.Reference) (redact.Secret, error) {
	if reference.Scheme == manifest.SchemeEnv && reserved(reference.Target) || reference.Scheme == manifest.SchemeAWSSecret && anInstallation(reference.Target) {
		return redact.Secret{}, fmt.Errorf("%s: %w", reference, apply.ErrReserved)
	}
	resolver := manifest.Resolver{Getenv: s.getenv, ReadFile: manifest.ReadFile, AWSSecret: s.awsSecret, Seen: s.secretSeen}
	return resolver.Resolve(ctx, reference)
}

// reserved tells whether a variable is the CI's or linkersync's own. A manifest may
// come from a pull request, and what its references name is sent to Bitbucket and
// to Infisical.
func reserved(name string) bool {
	name = strings.ToUpper(name) // Windows doesn't tell them apart
	for _, prefix := range []string{"AWS_", "ACTIONS_", "GITHUB_", "INFISICAL_", "CI_JOB_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains([]string{
		SharedSecretVariable, ClientSecretVariable, OIDCTokenVariable, platform.TokenVariable, platform.StepTokenVariable,
	}, name)
}

// anInstallation tells whether a secret, by name or ARN, is a workspace's shared one.
func anInstallation(id string) bool {
	if _, name, isARN := strings.Cut(id, ":secret:"); isARN {
		id = name
	}
	return installation.IsName(id)
}

// awsSecret reads the current version of a secret by name or ARN.
func (s *Session) awsSecret(ctx context.Context, id string) (redact.Secret, error) {
	s.mu.Lock()
	client, err := s.secretsClient(ctx)
	s.mu.Unlock()
	if err != nil {
		return redact.Secret{}, err
	}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id, VersionStage: aws.String("AWSCURRENT")})
	if err != nil {
		return redact.Secret{}, fmt.Errorf("read the secret %s: %w", id, awsenv.Cut(err))
	}
	return redact.New(aws.ToString(out.SecretString)), nil
}

// heard are the same credentials, wherever the SDK found them: their secrets are
// heard before they are used.
func (s *Session) heard(credentials aws.CredentialsProvider) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		retrieved, err := credentials.Retrieve(ctx)
		s.secretSeen(redact.New(retrieved.SecretAccessKey))
		s.secretSeen(redact.New(retrieved.SessionToken))
		return retrieved, err
	})
}
