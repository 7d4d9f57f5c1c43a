package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/installation"
)

// The tag that makes a secret a Bitbucket token for Infisical. The function's
// policy lets it read no other secret.
const (
	tagKey   = "linkersync:connection"
	tagValue = "true"
)

// registry finds the secrets that are tagged as tokens.
type registry struct {
	api installation.SecretsManagerAPI
	// installations is what the names of the app's own secrets start with. Those
	// send events, too, and are never tokens.
	installations string
}

// one returns the secret's name if it is a token's. errIgnored when it isn't, and
// when it is gone: there is nothing to bring to Infisical any more.
func (r registry) one(ctx context.Context, id string) (string, error) {
	if strings.HasPrefix(id, r.installations) {
		return "", fmt.Errorf("%w: the secret %s is an installation's", errIgnored, id)
	}
	out, err := r.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	switch cut := awsenv.Cut(err); {
	case cut == nil:
	case cut.Code == "ResourceNotFoundException":
		return "", fmt.Errorf("%w: there is no secret %s", errIgnored, id)
	case errors.Is(cut, awsenv.ErrAccessDenied):
		// What the policy answers for a secret without the tag. If it is the policy
		// that is wrong, the daily check fails on it.
		return "", fmt.Errorf("%w: the role may not look at the secret %s, which it may when that has the tag %s=%s", errIgnored, id, tagKey, tagValue)
	default:
		return "", fmt.Errorf("look at secret %s: %w", id, cut)
	}
	if !tagged(out.Tags) {
		return "", fmt.Errorf("%w: the secret %s has no tag %s=%s", errIgnored, id, tagKey, tagValue)
	}
	if out.DeletedDate != nil {
		return "", fmt.Errorf("%w: the secret %s is scheduled for deletion", errIgnored, id)
	}
	return aws.ToString(out.Name), nil
}

// all returns the names of all tokens' secrets, those that are being deleted excepted.
func (r registry) all(ctx context.Context) ([]string, error) {
	var names []string
	// The filter compares prefixes, so what it lets through is looked at again.
	pages := secretsmanager.NewListSecretsPaginator(r.api, &secretsmanager.ListSecretsInput{
		Filters: []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{tagKey}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if cut := awsenv.Cut(err); cut != nil {
			return nil, fmt.Errorf("list secrets with the tag %s, which needs secretsmanager:ListSecrets: %w", tagKey, cut)
		}
		for _, entry := range page.SecretList {
			if tagged(entry.Tags) {
				names = append(names, aws.ToString(entry.Name))
			}
		}
	}
	return names, nil
}

func tagged(tags []types.Tag) bool {
	return slices.ContainsFunc(tags, func(tag types.Tag) bool {
		return aws.ToString(tag.Key) == tagKey && aws.ToString(tag.Value) == tagValue
	})
}
