package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/redact"
)

// Resolver reads the secrets that references point at. A nil function switches
// its scheme off: references with it are refused with a message that says so.
// An edge leaves out what its manifests' authors must not reach, such as files in a
// function that takes manifests from events.
type Resolver struct {
	// Allow, when set, decides about each reference before anything is read; its
	// error refuses the reference. In CI, where a manifest may come from a pull
	// request, it takes only what the workflow's author listed.
	Allow func(ref Reference) error
	// Getenv is os.Getenv or the test's.
	Getenv func(name string) string
	// ReadFile is [ReadFile], where relative paths start at the process's folder, or
	// [ReadFileWithin] for manifests of authors who must not reach other files.
	ReadFile func(path string) ([]byte, error)
	// AWSSecret returns the current value of the Secrets Manager secret with this
	// name or ARN. Its errors reach the user, so they must not hold a secret.
	AWSSecret func(ctx context.Context, id string) (redact.Secret, error)
	// Seen, when set, is told each token before Resolve returns it: a CI masks it.
	// It is not told what [input.Token] refuses.
	Seen func(redact.Secret)
}

// Resolve returns the token that ref points at, as [input.Token] does. Errors name
// the reference and what to do, never what was read.
func (r Resolver) Resolve(ctx context.Context, ref Reference) (redact.Secret, error) {
	secret, err := r.read(ctx, ref)
	if err == nil {
		secret, err = input.Token(secret)
	}
	if err != nil {
		return redact.Secret{}, fmt.Errorf("read secret %s: %w", ref, err)
	}
	if r.Seen != nil {
		r.Seen(secret)
	}
	return secret, nil
}

func (r Resolver) read(ctx context.Context, ref Reference) (redact.Secret, error) {
	if r.Allow != nil {
		if err := r.Allow(ref); err != nil {
			return redact.Secret{}, err
		}
	}
	switch {
	case ref.Scheme == SchemeEnv && r.Getenv != nil:
		value := redact.New(r.Getenv(ref.Target))
		if value.IsZero() {
			return redact.Secret{}, errors.New("the environment variable is not set or empty; set it, in CI from the platform's secrets")
		}
		return value, nil
	case ref.Scheme == SchemeFile && r.ReadFile != nil:
		return r.file(ref.Target)
	case ref.Scheme == SchemeAWSSecret && r.AWSSecret != nil:
		value, err := r.AWSSecret(ctx, ref.Target)
		if err != nil || ref.Key == "" {
			return value, err
		}
		return field(value, ref.Key)
	case ref.Scheme == SchemeEnv, ref.Scheme == SchemeFile, ref.Scheme == SchemeAWSSecret:
		return redact.Secret{}, fmt.Errorf("%s: references can't be used here; use another kind (env:, file:, aws-secret:)", ref.Scheme)
	default:
		return redact.Secret{}, errNotReference
	}
}

func (r Resolver) file(path string) (redact.Secret, error) {
	data, err := r.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return redact.Secret{}, errors.New("there is no such file; check the path, which is relative to where linkersync was started")
	case errors.Is(err, input.ErrOutside), errors.Is(err, input.ErrLink):
		return redact.Secret{}, fmt.Errorf("%w; here a manifest may name only files inside the workspace, and no links", err)
	case err != nil:
		return redact.Secret{}, fmt.Errorf("the file can't be read: %s", input.Reason(err))
	}
	return redact.New(string(data)), nil
}

// field takes one field out of a JSON secret. The decoder's errors quote what they
// met, so they stay here.
func field(secret redact.Secret, key string) (redact.Secret, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(input.WithoutBOM([]byte(secret.Reveal())), &fields); err != nil {
		return redact.Secret{}, errors.New("the secret is not a JSON object, so it has no fields; leave # and the field out of the reference to use it whole")
	}
	raw, there := fields[key]
	if !there {
		return redact.Secret{}, errors.New("the secret has no such field; check the part after #")
	}
	var value string
	if err := json.Unmarshal(raw, &value); err != nil {
		return redact.Secret{}, errors.New("the field of the secret is not text; store it as a JSON string")
	}
	return redact.New(value), nil
}
