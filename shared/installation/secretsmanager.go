package installation

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/shared/connect"
)

// SecretsManagerAPI is the part of [secretsmanager.Client] that the store calls.
// Its retry policy is the client's: see awsenv.NewRetryer.
type SecretsManagerAPI interface {
	BatchGetSecretValue(ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, options ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error)
	CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, options ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error)
	DeleteSecret(ctx context.Context, in *secretsmanager.DeleteSecretInput, options ...func(*secretsmanager.Options)) (*secretsmanager.DeleteSecretOutput, error)
	DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, options ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	ListSecrets(ctx context.Context, in *secretsmanager.ListSecretsInput, options ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
	PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, options ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	RestoreSecret(ctx context.Context, in *secretsmanager.RestoreSecretInput, options ...func(*secretsmanager.Options)) (*secretsmanager.RestoreSecretOutput, error)
	TagResource(ctx context.Context, in *secretsmanager.TagResourceInput, options ...func(*secretsmanager.Options)) (*secretsmanager.TagResourceOutput, error)
	UpdateSecretVersionStage(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, options ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
}

// Staging labels. Secrets Manager moves AWSPREVIOUS by itself to the version that
// AWSCURRENT was taken from. The pending label is our own: AWSPENDING means a
// rotation to Secrets Manager, and an abandoned one blocks the next.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
const (
	stageCurrent = "AWSCURRENT"
	stagePending = "LINKERSYNC_PENDING"
)

// Options configure [NewSecretsManager]. Only AppKey is required.
type Options struct {
	// AppKey is the Connect app's; a store sees the installations of one app.
	AppKey string
	// KMSKeyID is the id, alias or ARN of the key that new secrets are encrypted
	// with; empty means the account's aws/secretsmanager. Secrets that exist keep theirs.
	KMSKeyID string
	// CacheTTL is how long a look-up is answered without asking AWS; default 5 minutes.
	// With less than one, bad requests cause more reads than [Store.Find] says.
	CacheTTL time.Duration
	// CacheSize is how many installations are remembered; default 1000, about 2 MB.
	CacheSize int
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// SecretsManager is the [Store] on AWS Secrets Manager, one secret an
// installation. It is safe for concurrent use. docs/decisions/0003-store-layout.md
// tells why it is built this way.
type SecretsManager struct {
	api     SecretsManagerAPI
	options Options
	cache   *cache
}

var _ Store = (*SecretsManager)(nil)

// NewSecretsManager returns a store that calls api. It calls nothing yet.
func NewSecretsManager(api SecretsManagerAPI, options Options) *SecretsManager {
	if options.CacheTTL <= 0 {
		options.CacheTTL = 5 * time.Minute
	}
	if options.CacheSize <= 0 {
		options.CacheSize = 1000
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &SecretsManager{api: api, options: options}
	s.cache = newCache(s.load, options.CacheTTL, options.CacheSize, options.Now)
	return s
}

// Get implements [Store]. A cold look-up costs one call to AWS, a warm one none.
func (s *SecretsManager) Get(ctx context.Context, clientKey string) (Installation, error) {
	clientKey = connect.CanonicalClientKey(clientKey)
	if err := s.possible(clientKey); err != nil {
		return Installation{}, err
	}
	return s.cache.look(ctx, clientKey, forUse)
}

// Find implements [Store].
func (s *SecretsManager) Find(ctx context.Context, clientKey string, fits func(Installation) bool) (Installation, error) {
	clientKey = connect.CanonicalClientKey(clientKey)
	if err := s.possible(clientKey); err != nil {
		if isAbsent(err) {
			fits(Installation{})
		}
		return Installation{}, err
	}
	return s.cache.find(ctx, clientKey, fits)
}

// possible keeps client keys that can have no secret, which only an unverified
// token brings, out of the cache and away from AWS.
func (s *SecretsManager) possible(clientKey string) error {
	if s.options.AppKey == "" {
		return &Error{Op: "read installation", Kind: ErrInvalid, Hint: "the store has no app key"}
	}
	if _, err := EncodeName(s.options.AppKey, clientKey); err != nil {
		return &Error{Op: "read installation", Kind: ErrNotFound, Hint: "no installation can have this client key"}
	}
	return nil
}

// load is the cache's loader.
func (s *SecretsManager) load(ctx context.Context, clientKey string) (Installation, error) {
	current, err := s.current(ctx, "read installation", clientKey)
	return current.Installation, err
}

// current reads the state in force.
func (s *SecretsManager) current(ctx context.Context, op, clientKey string) (record, error) {
	return s.read(ctx, op, clientKey, &secretsmanager.GetSecretValueInput{VersionStage: aws.String(stageCurrent)})
}

// version reads one version, whatever its labels.
func (s *SecretsManager) version(ctx context.Context, op, clientKey, version string) (record, error) {
	return s.read(ctx, op, clientKey, &secretsmanager.GetSecretValueInput{VersionId: aws.String(version)})
}

func (s *SecretsManager) read(ctx context.Context, op, clientKey string, in *secretsmanager.GetSecretValueInput) (record, error) {
	name, err := EncodeName(s.options.AppKey, clientKey)
	if err != nil {
		return record{}, &Error{Op: op, Kind: ErrInvalid, Hint: err.Error()}
	}
	in.SecretId = aws.String(name)
	out, err := s.api.GetSecretValue(ctx, in)
	if err != nil {
		return record{}, s.failed(call{op, clientKey, "GetSecretValue"}, err)
	}
	return s.decode(op, clientKey, out.SecretString, out.VersionId)
}

// decode reads a value that AWS returned for clientKey.
func (s *SecretsManager) decode(op, clientKey string, value, version *string) (record, error) {
	read, err := decode(aws.ToString(value), s.options.AppKey, clientKey, aws.ToString(version))
	if err != nil {
		return record{}, &Error{Op: op, Subject: clientKey, Kind: err}
	}
	return read, nil
}

func (s *SecretsManager) failed(c call, err error) error {
	return c.failed(err, NamePrefix(s.options.AppKey)+"*")
}

// check brings an installation into the form that is stored, and refuses what must
// not be stored, before anything is called.
func (s *SecretsManager) check(op string, in *Installation, event string) (name string, err error) {
	in.ClientKey, in.Principal = connect.CanonicalClientKey(in.ClientKey), in.Principal.stored()
	problem := ""
	switch {
	case s.options.AppKey == "":
		problem = "the store has no app key"
	case in.AppKey != "" && in.AppKey != s.options.AppKey:
		problem = "it belongs to another app"
	case in.State != Installed && in.State != Uninstalled:
		problem = "its state is neither installed nor uninstalled"
	case in.SharedSecret.IsZero():
		problem = "it has no shared secret"
	case !utf8.ValidString(in.SharedSecret.Reveal()) || !utf8.ValidString(in.ClientKey):
		problem = "its client key or shared secret is not UTF-8" // JSON would change it
	case event == "":
		problem = "no event is named as the cause"
	}
	if problem == "" {
		in.AppKey = s.options.AppKey
		if name, err = EncodeName(in.AppKey, in.ClientKey); errors.Is(err, ErrName) {
			problem = err.Error()
		}
	}
	if problem != "" {
		return "", &Error{Op: op, Subject: in.ClientKey, Kind: ErrInvalid, Hint: problem}
	}
	return name, nil
}
