package installation

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/shared/redact"
)

// ReadSecret returns the current value of any secret, whole: the app-level
// secret, the Infisical identity and Bitbucket tokens are kept beside the
// installations, in the shapes of docs/secrets.md. id is a name or an ARN. Use it
// as manifest.Resolver's AWSSecret.
//
// Errors are as the store's, with the secret's name in place of a client key,
// and [ErrNoSecret] in place of [ErrNotFound].
func ReadSecret(ctx context.Context, api SecretsManagerAPI, id string) (redact.Secret, error) {
	name := secretName(id)
	out, err := api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(id), VersionStage: aws.String(stageCurrent),
	})
	if err != nil {
		failure := call{"read secret", name, "GetSecretValue"}.failed(err, name)
		if errors.Is(failure, ErrNotFound) {
			failure = &Error{Op: "read secret", Subject: name, Kind: ErrNoSecret}
		}
		return redact.Secret{}, failure
	}
	if out.SecretString == nil {
		return redact.Secret{}, &Error{Op: "read secret", Subject: name, Kind: ErrInvalid, Hint: "it holds binary data, text is wanted"}
	}
	return redact.New(*out.SecretString), nil
}

// secretName cuts an ARN to the name in it, so that no account id is shown.
func secretName(id string) string {
	if _, name, isARN := strings.Cut(id, ":secret:"); isARN {
		return name
	}
	return id
}
