package manifest

import (
	"context"
	"errors"

	"github.com/linkersync/linkersync/shared/redact"
)

// Resolver reads the secrets that references point at. A nil function switches
// its scheme off: references with it are refused with a message that says so.
type Resolver struct {
	// Getenv is os.Getenv or the test's.
	Getenv func(name string) string
	// ReadFile is os.ReadFile or the test's.
	ReadFile func(path string) ([]byte, error)
	// AWSSecret returns the current value of the Secrets Manager secret with this
	// name or ARN. Its errors reach the user, so they must not hold a secret.
	AWSSecret func(ctx context.Context, id string) (redact.Secret, error)
}

// Resolve returns the secret without surrounding white space, which files and
// pasted values tend to have. An empty one is an error. Errors name the
// reference and what to do, never what was read.
func (r Resolver) Resolve(ctx context.Context, ref Reference) (redact.Secret, error) {
	return redact.Secret{}, errors.New("not written yet")
}
