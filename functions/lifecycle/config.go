package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

// descriptorFile lies beside the binary in the function's zip; `make package` puts it there.
const descriptorFile = "atlassian-connect.json"

// configure builds the handler from the function's environment. It reports every
// problem at once and calls nothing: clients dial on their first use.
func configure(e *startup.Environment, readFile func(string) ([]byte, error), log *slog.Logger) (*handler, error) {
	appKey := e.Required("LINKERSYNC_APP_KEY")
	baseURL := e.Required("LINKERSYNC_BASE_URL")
	base, err := transport.Endpoint(baseURL)
	e.Wrong("LINKERSYNC_BASE_URL", err)
	proofMethod := e.Optional("LINKERSYNC_PROOF", proofOAuth)
	if proofMethod != proofOAuth && proofMethod != proofWorkspace {
		e.Wrong("LINKERSYNC_PROOF", fmt.Errorf("%q is neither %s nor %s", proofMethod, proofOAuth, proofWorkspace))
	}
	appSecret, err := optionalReference(e.Optional("LINKERSYNC_APP_SECRET", ""))
	e.Wrong("LINKERSYNC_APP_SECRET", err)
	aws, err := awsenv.Config(e.Getenv)
	e.Wrong("AWS", err)
	file := e.Optional("LINKERSYNC_DESCRIPTOR_FILE", filepath.Join(e.Optional("LAMBDA_TASK_ROOT", "."), descriptorFile))
	descriptor, err := loadDescriptor(readFile, file, appKey, baseURL)
	e.Wrong("LINKERSYNC_DESCRIPTOR_FILE", err)
	queueURL := e.Required("LINKERSYNC_QUEUE_URL")
	if err := e.Err(); err != nil {
		return nil, err
	}
	secrets := secretsmanager.NewFromConfig(aws)
	store := installation.NewSecretsManager(secrets, installation.Options{AppKey: appKey, KMSKeyID: e.Optional("LINKERSYNC_KMS_KEY_ID", "")})
	prover := &prover{
		appKey: appKey, method: proofMethod, limit: newProofLimit(),
		apiURL: e.Optional("LINKERSYNC_BITBUCKET_URL", ""), authURL: e.Optional("LINKERSYNC_BITBUCKET_AUTH_URL", ""),
		// Two attempts: Bitbucket waits for the install, and repeats it if we answer 503.
		http: &http.Client{Transport: transport.New(transport.Options{Attempts: 2, Timeout: 4 * time.Second, FailFastOn429: true})},
	}
	return &handler{
		log: log, basePath: strings.TrimSuffix(base.EscapedPath(), "/"), descriptor: descriptor,
		appKey:   appKey,
		verifier: connect.Verifier{AppKey: appKey, BasePath: base.EscapedPath(), Source: installation.SecretSource{Store: store}},
		appSecret: &appSecretSource{reference: appSecret, resolver: manifest.Resolver{AWSSecret: func(ctx context.Context, id string) (redact.Secret, error) {
			return installation.ReadSecret(ctx, secrets, id)
		}}},
		prover: prover,
		lifecycle: lifecycle{
			store: store, allowed: workspaces(e.Optional("LINKERSYNC_ALLOWED_WORKSPACES", "")),
			firstSync: &firstSync{queue: sqs.NewFromConfig(aws), queueURL: queueURL},
			log:       log,
		},
	}, nil
}

// optionalReference reads the reference to the app-level secret; a plain value in
// the environment is refused.
func optionalReference(text string) (manifest.Reference, error) {
	if text == "" {
		return manifest.Reference{}, nil
	}
	reference, err := manifest.ParseReference(text)
	if err == nil && reference.Scheme != manifest.SchemeAWSSecret {
		err = errors.New("want a reference such as aws-secret:linkersync/app#app_secret")
	}
	return reference, err
}

// loadDescriptor returns the bytes that are served: the app's descriptor with this
// deployment's base URL.
func loadDescriptor(readFile func(string) ([]byte, error), file, appKey, baseURL string) ([]byte, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("read descriptor: %w", err)
	}
	descriptor, err := connect.ParseDescriptor(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	descriptor = descriptor.WithBaseURL(baseURL)
	if descriptor.Key != appKey {
		return nil, fmt.Errorf("%s is for the app %q, LINKERSYNC_APP_KEY says %q", file, descriptor.Key, appKey)
	}
	if base, err := url.Parse(baseURL); err == nil && base.Scheme == "https" {
		if err := descriptor.Validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return descriptor.MarshalJSON()
}

// workspaces reads the list of workspaces that may install; empty means any.
func workspaces(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(uuid string) bool { return uuid == "" })
}
