// Package tagged finds and reads the Secrets Manager secrets that are tagged as Bitbucket
// tokens for Infisical connections. docs/connections.md says what such a secret holds.
package tagged

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

// The tag that makes a secret a Bitbucket token for Infisical. The policy of the
// connections function lets it read no other secret.
const (
	Tag   = "linkersync:connection"
	Value = "true"
)

// ErrIgnored is a secret that is no token's, or is gone.
var ErrIgnored = errors.New("nothing to do for this event")

// Registry finds the secrets that are tagged as tokens.
type Registry struct {
	API installation.SecretsManagerAPI
	// Installations is what the names of the app's own secrets start with. Those
	// send events, too, and are never tokens.
	Installations string
}

// One returns the secret's name if it is a token's. ErrIgnored when it isn't, and
// when it is gone: there is nothing to bring to Infisical any more.
func (r Registry) One(ctx context.Context, id string) (string, error) {
	if strings.HasPrefix(id, r.Installations) {
		return "", fmt.Errorf("%w: the secret %s is an installation's", ErrIgnored, id)
	}
	out, err := r.API.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	switch cut := awsenv.Cut(err); {
	case cut == nil:
	case cut.Code == "ResourceNotFoundException":
		return "", fmt.Errorf("%w: there is no secret %s", ErrIgnored, id)
	case errors.Is(cut, awsenv.ErrAccessDenied):
		// What the policy answers for a secret without the tag. If it is the policy
		// that is wrong, the daily check fails on it.
		return "", fmt.Errorf("%w: the role may not look at the secret %s, which it may when that has the tag %s=%s", ErrIgnored, id, Tag, Value)
	default:
		return "", fmt.Errorf("look at secret %s: %w", id, cut)
	}
	if !tagged(out.Tags) {
		return "", fmt.Errorf("%w: the secret %s has no tag %s=%s", ErrIgnored, id, Tag, Value)
	}
	if out.DeletedDate != nil {
		return "", fmt.Errorf("%w: the secret %s is scheduled for deletion", ErrIgnored, id)
	}
	return aws.ToString(out.Name), nil
}

// All returns the names of all tokens' secrets, those that are being deleted excepted.
func (r Registry) All(ctx context.Context) ([]string, error) {
	var names []string
	// The filter compares prefixes, so what it lets through is looked at again.
	pages := secretsmanager.NewListSecretsPaginator(r.API, &secretsmanager.ListSecretsInput{
		Filters: []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{Tag}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if cut := awsenv.Cut(err); cut != nil {
			return nil, fmt.Errorf("list secrets with the tag %s, which needs secretsmanager:ListSecrets: %w", Tag, cut)
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
		return aws.ToString(tag.Key) == Tag && aws.ToString(tag.Value) == Value
	})
}
