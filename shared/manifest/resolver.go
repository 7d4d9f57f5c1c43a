package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"

	"github.com/linkersync/linkersync/shared/redact"
)

// Resolver reads the secrets that references point at. A nil function switches
// its scheme off: references with it are refused with a message that says so.
// An edge leaves out what its manifests' authors must not reach: a function that
// takes manifests from events has no business with files.
type Resolver struct {
	// Getenv is os.Getenv or the test's.
	Getenv func(name string) string
	// ReadFile is [ReadFile] or the test's. Relative paths start where the
	// process was started, as on a command line.
	ReadFile func(path string) ([]byte, error)
	// AWSSecret returns the current value of the Secrets Manager secret with this
	// name or ARN. Its errors reach the user, so they must not hold a secret.
	AWSSecret func(ctx context.Context, id string) (redact.Secret, error)
	// Seen, when set, is told whatever was read, before anything is done with it
	// and even when it is refused then: a CI masks it. Of a JSON secret it is told
	// the field; all of it when it has no such field.
	Seen func(redact.Secret)
}

// Resolve returns the secret without surrounding white space, which files and
// pasted values tend to have. An empty one, and one of several lines, is an
// error. Errors name the reference and what to do, never what was read.
func (r Resolver) Resolve(ctx context.Context, ref Reference) (redact.Secret, error) {
	secret, err := r.read(ctx, ref)
	if trimmed := strings.TrimSpace(secret.Reveal()); r.Seen != nil && trimmed != "" {
		r.Seen(redact.New(trimmed))
	}
	if err == nil {
		secret, err = usable(secret)
	}
	if err != nil {
		return redact.Secret{}, fmt.Errorf("read secret %s: %w", ref, err)
	}
	return secret, nil
}

// read may return a secret beside an error: the one that the error is about.
func (r Resolver) read(ctx context.Context, ref Reference) (redact.Secret, error) {
	switch {
	case ref.Scheme == SchemeEnv && r.Getenv != nil:
		value := redact.New(r.Getenv(ref.Target))
		if value.IsZero() {
			return value, errors.New("the environment variable is not set or empty; set it, in CI from the platform's secrets")
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
	case err != nil:
		return redact.Secret{}, fmt.Errorf("the file can't be read: %s", reason(err))
	}
	return redact.New(string(data)), nil
}

// field takes one field out of a JSON secret, which it returns as it is with an
// error. The decoder's errors quote what they met, so they stay here.
func field(secret redact.Secret, key string) (redact.Secret, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(secret.Reveal()), &fields); err != nil {
		return secret, errors.New("the secret is not a JSON object, so it has no fields; leave # and the field out of the reference to use it whole")
	}
	raw, there := fields[key]
	if !there {
		return secret, errors.New("the secret has no such field; check the part after #")
	}
	var value string
	if err := json.Unmarshal(raw, &value); err != nil {
		return secret, errors.New("the field of the secret is not text; store it as a JSON string")
	}
	return redact.New(value), nil
}

// usable refuses what no header or form could carry: it means that the wrong
// file or variable was named.
func usable(secret redact.Secret) (redact.Secret, error) {
	value := strings.TrimSpace(secret.Reveal())
	switch {
	case value == "":
		return redact.Secret{}, errors.New("it is empty; store the secret there")
	case len(value) > MaxSecretSize:
		return redact.Secret{}, fmt.Errorf("it has more than %d bytes; check that the reference names the right place", MaxSecretSize)
	case strings.ContainsFunc(value, unicode.IsControl):
		return redact.Secret{}, errors.New("it has several lines or control characters; check that the reference names the right place")
	}
	return redact.New(value), nil
}
