package setup

import (
	"context"
	"errors"
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
	"github.com/linkersync/linkersync/shared/tagged"
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
// AWS secret. It refuses what no manifest may name, with [apply.ErrReserved], and in CI
// what the workflow's author did not list, see [Session.Restrict].
func (s *Session) Resolve(ctx context.Context, reference manifest.Reference) (redact.Secret, error) {
	if reference.Scheme == manifest.SchemeEnv && reserved(reference.Target) || reference.Scheme == manifest.SchemeAWSSecret && anInstallation(reference.Target) {
		return redact.Secret{}, fmt.Errorf("%s: %w", reference, apply.ErrReserved)
	}
	resolver := manifest.Resolver{Getenv: s.getenv, ReadFile: manifest.ReadFile, AWSSecret: s.awsSecret, Seen: s.secretSeen}
	if s.workspace != "" {
		resolver.Allow, resolver.ReadFile = s.listed, manifest.ReadFileWithin(s.workspace)
	}
	return resolver.Resolve(ctx, reference)
}

// Restrict is for CI, where a manifest may come from a pull request: from now on it can
// name only the variables of the option allow_env, and files inside workspace that are
// reached through no link.
func (s *Session) Restrict(workspace string) { s.workspace = workspace }

// listed refuses a variable that the workflow's author did not list.
func (s *Session) listed(reference manifest.Reference) error {
	if reference.Scheme == manifest.SchemeEnv && !slices.Contains(s.options.AllowEnv, reference.Target) {
		return errors.New("the workflow doesn't let the manifest name this variable: add the name to the input allow_env")
	}
	return nil
}

// reservedPrefixes begin the names of variables that hold credentials of CIs, clouds
// and package registries.
func reservedPrefixes() []string {
	return []string{
		"AWS_", "ACTIONS_", "GITHUB_", "GH_", "RUNNER_", "INFISICAL_", "CI_", "GITLAB_", "AZURE_", "ARM_", "GOOGLE_", "VAULT_", "DOCKER_", "NPM_", "SSH_", "TF_",
		"BITBUCKET_STEP_", "BITBUCKET_SSH_", "BUILDKITE_", "CIRCLE_", "TRAVIS_", "DRONE_", "JENKINS_", "SYSTEM_",
	}
}

// reservedNames are linkersync's own variables that hold a secret.
func reservedNames() []string {
	return []string{
		SharedSecretVariable, ClientSecretVariable, OIDCTokenVariable, AppSecretVariable, platform.TokenVariable, "NODE_AUTH_TOKEN",
	}
}

// reserved tells whether a variable is the CI's or linkersync's own. A manifest may
// come from a pull request, and what its references name is sent to Bitbucket and
// to Infisical.
func reserved(name string) bool {
	name = strings.ToUpper(name) // Windows doesn't tell them apart
	return slices.Contains(reservedNames(), name) ||
		slices.ContainsFunc(reservedPrefixes(), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
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
		if err != nil {
			return retrieved, s.noCredentials(err)
		}
		s.secretSeen(redact.New(retrieved.SecretAccessKey))
		s.secretSeen(redact.New(retrieved.SessionToken))
		return retrieved, nil
	})
}

// TaggedTokens reads the secrets that the connections function brings to Infisical, see
// package tagged.
func (s *Session) TaggedTokens(ctx context.Context) ([]tagged.Token, error) {
	s.mu.Lock()
	client, err := s.secretsClient(ctx)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	registry := tagged.Registry{API: client, Installations: installation.NamePrefix(s.AppKey())}
	names, err := registry.All(ctx)
	if err != nil {
		return nil, err
	}
	tokens := make([]tagged.Token, len(names))
	for i, name := range names {
		if tokens[i], err = registry.Read(ctx, name); err != nil {
			return nil, err
		}
		s.secretSeen(tokens[i].Desired.Token)
	}
	return tokens, nil
}
