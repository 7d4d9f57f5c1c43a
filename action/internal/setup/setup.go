// Package setup turns the command's options into the clients that its verbs
// use: the installation store on Secrets Manager, Bitbucket as one installation,
// and the resolver of secret references.
//
// Everything is made on first use, so that a verb that needs no AWS account asks
// for none. Nothing here decides or prints.
package setup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/logging"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/transport"
)

// Session makes clients once and keeps them. Safe for concurrent use.
type Session struct {
	options   Options
	getenv    func(string) string
	userAgent string
	// codec is shared by all installations: what one workspace taught about the
	// undocumented bodies holds for the next.
	codec *bitbucket.Codec
	// codecError is what is wrong with the variables that pin the codec.
	codecError error
	transport  http.RoundTripper
	clock      *clock

	// onSecret hears every secret that is read, before it is used.
	onSecret func(redact.Secret)
	role     *role
	// workspace is where a restricted session reads a manifest's files; see Restrict.
	workspace string

	mu        sync.Mutex
	awsConfig *aws.Config
	secrets   *secretsmanager.Client
	store     *installation.SecretsManager
}

// New returns a session. Nothing is read or called before it is needed.
func New(options Options, getenv func(string) string, userAgent string) *Session {
	if options.Now == nil {
		options.Now = time.Now
	}
	clock := &clock{now: options.Now, next: transport.New(transport.Options{
		UserAgent: userAgent, RequestsPerSecond: options.RequestsPerSecond, Watch: options.Watch,
	})}
	codec, err := pinned(getenv)
	return &Session{
		options: options, getenv: getenv, userAgent: userAgent,
		codec: codec, codecError: err, transport: clock, clock: clock,
	}
}

// Variables that pin the bodies that nobody documents, see docs/decisions/0002.
const (
	createBodyVariable = "LINKERSYNC_CREATE_BODY"
	bulkBodyVariable   = "LINKERSYNC_BULK_BODY"
)

func pinned(getenv func(string) string) (*bitbucket.Codec, error) {
	create, bulk := getenv(createBodyVariable), getenv(bulkBodyVariable)
	if (create == "") != (bulk == "") {
		return nil, fmt.Errorf("only one of %s and %s is set: set both, or neither to find out what Bitbucket takes", createBodyVariable, bulkBodyVariable)
	}
	codec, err := bitbucket.Pinned(create, bulk)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", createBodyVariable, bulkBodyVariable, err)
	}
	return codec, nil
}

// UseApp sets the app key when no option did; a manifest's app is the default.
// It fails when both are set and differ.
func (s *Session) UseApp(key string) error {
	switch {
	case s.options.AppKey == "":
		s.options.AppKey = key
	case key != "" && key != s.options.AppKey:
		return fmt.Errorf("the manifest is for the app %q, but --app-key (or LINKERSYNC_APP_KEY) says %q: correct the one that is wrong", key, s.options.AppKey)
	}
	return nil
}

// AppKey is the Connect app's key, empty when neither option nor manifest told it.
func (s *Session) AppKey() string { return s.options.AppKey }

// AWS returns the configuration of AWS clients, by the SDK's full chain:
// environment, profiles, SSO, web identity, container and instance roles.
func (s *Session) AWS(ctx context.Context) (aws.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loadAWS(ctx)
}

func (s *Session) loadAWS(ctx context.Context) (aws.Config, error) {
	if s.awsConfig != nil {
		return *s.awsConfig, nil
	}
	loaded, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(s.options.AWSRegion),
		config.WithAppID(s.userAgent),
		config.WithRetryer(awsenv.NewRetryer),
		config.WithAPIOptions(s.watched()),
		config.WithLogger(logging.Nop{}), // what the SDK has to say comes as an error, too
	)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if s.role != nil {
		loaded.Credentials = s.role.provider(loaded)
	}
	loaded.Credentials = s.heard(loaded.Credentials)
	if loaded.Region == "" {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", awsenv.ErrNoRegion)
	}
	s.awsConfig = &loaded
	return loaded, nil
}

// ErrNoApp says that neither option nor manifest told the app.
var ErrNoApp = errors.New("no app key: set \"app\" in the manifest, --app-key or LINKERSYNC_APP_KEY")

// Store returns the installations of the app in Secrets Manager.
func (s *Session) Store(ctx context.Context) (*installation.SecretsManager, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store != nil {
		return s.store, nil
	}
	if s.options.AppKey == "" {
		return nil, ErrNoApp
	}
	client, err := s.secretsClient(ctx)
	if err != nil {
		return nil, err
	}
	s.store = installation.NewSecretsManager(client, installation.Options{AppKey: s.options.AppKey, KMSKeyID: s.options.KMSKeyID})
	return s.store, nil
}

func (s *Session) secretsClient(ctx context.Context) (*secretsmanager.Client, error) {
	if s.secrets != nil {
		return s.secrets, nil
	}
	loaded, err := s.loadAWS(ctx)
	if err != nil {
		return nil, err
	}
	s.secrets = secretsmanager.NewFromConfig(loaded)
	return s.secrets, nil
}

// Probe asks Bitbucket, without any secret, whether it has the linker endpoints.
func (s *Session) Probe(ctx context.Context) (removal.Verdict, string) {
	return removal.Probe(ctx, &http.Client{Transport: s.transport}, s.options.BitbucketURL)
}

// Bitbucket returns a client that signs as the installation.
func (s *Session) Bitbucket(in installation.Installation) *bitbucket.Client {
	signer := connect.Signer{AppKey: in.AppKey, ClientKey: in.ClientKey, Secret: in.SharedSecret, Now: s.options.Now}
	return &bitbucket.Client{
		BaseURL: s.options.BitbucketURL, AuthURL: s.options.BitbucketAuthURL,
		HTTP: &http.Client{Transport: s.transport},
		Sign: signer.Sign, Codec: s.codec,
	}
}
