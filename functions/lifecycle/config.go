package main

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/input"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/transport"
)

// descriptorFile lies beside the binary in the function's zip; `make package` puts it there.
const descriptorFile = "atlassian-connect.json"

// settings are the function's configuration, checked.
type settings struct {
	appKey string
	// base is the app's public URL; its path is the prefix of every route.
	base       *url.URL
	descriptor served
	aws        aws.Config
	queueURL   string
	kmsKeyID   string
	// appSecret tells where a registered app's secret is; zero without one.
	appSecret manifest.Reference
	// allowed are the workspaces that may install, empty for any.
	allowed         []connect.WorkspaceUUID
	proof           string
	apiURL, authURL string
	// now is the clock of everything but AWS's signatures.
	now func() time.Time
}

// configure reads the settings from the function's environment. It reports every
// problem at once and calls nothing.
func configure(e *startup.Environment, readFile func(string) ([]byte, error)) (settings, error) {
	s := settings{
		appKey: e.Required("LINKERSYNC_APP_KEY"), queueURL: e.Required("LINKERSYNC_QUEUE_URL"),
		kmsKeyID: e.Optional("LINKERSYNC_KMS_KEY_ID", ""), proof: e.Optional("LINKERSYNC_PROOF", proofOAuth),
		apiURL: e.Optional("LINKERSYNC_BITBUCKET_URL", ""), authURL: e.Optional("LINKERSYNC_BITBUCKET_AUTH_URL", ""),
		now: time.Now,
	}
	var err error
	if s.proof != proofOAuth && s.proof != proofWorkspace {
		e.Wrong("LINKERSYNC_PROOF", fmt.Errorf("%q is neither %s nor %s", s.proof, proofOAuth, proofWorkspace))
	}
	s.appSecret, err = optionalReference(e.Optional("LINKERSYNC_APP_SECRET", ""))
	e.Wrong("LINKERSYNC_APP_SECRET", err)
	s.allowed, err = workspaces(e.Optional("LINKERSYNC_ALLOWED_WORKSPACES", ""))
	e.Wrong("LINKERSYNC_ALLOWED_WORKSPACES", err)
	s.aws, err = awsenv.Config(e.Getenv)
	e.Wrong("AWS", err)
	for _, name := range []string{"LINKERSYNC_BITBUCKET_URL", "LINKERSYNC_BITBUCKET_AUTH_URL"} {
		if address := e.Optional(name, ""); address != "" {
			_, err := transport.Endpoint(address)
			e.Wrong(name, err)
		}
	}
	if baseURL := e.Required("LINKERSYNC_BASE_URL"); baseURL != "" {
		s.base, err = checkBase(baseURL)
		e.Wrong("LINKERSYNC_BASE_URL", err)
	}
	if s.base != nil {
		file := e.Optional("LINKERSYNC_DESCRIPTOR_FILE", filepath.Join(e.Optional("LAMBDA_TASK_ROOT", "."), descriptorFile))
		s.descriptor, err = loadDescriptor(readFile, file, s.appKey, s.base.String())
		e.Wrong("LINKERSYNC_DESCRIPTOR_FILE", err)
	}
	return s, e.Err()
}

// checkBase refuses a path that API Gateway would hand over decoded, and a
// function URL not: the query string hash is over what was on the wire.
func checkBase(raw string) (*url.URL, error) {
	base, err := transport.Endpoint(raw)
	if err == nil && base.EscapedPath() != base.Path {
		return nil, errors.New("its path needs percent-encoding; use letters, digits and hyphens")
	}
	return base, err
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

// workspaces reads the list of workspaces that may install. An entry that is no
// UUID is refused: it would match no workspace, and a list without entries allows all.
func workspaces(list string) ([]connect.WorkspaceUUID, error) {
	if list == "" {
		return nil, nil
	}
	var allowed []connect.WorkspaceUUID
	for entry := range strings.SplitSeq(list, ",") {
		workspace, err := connect.ParseWorkspaceUUID(input.Trim(entry))
		if err != nil {
			return nil, fmt.Errorf("%w; want UUIDs with commas between them", err)
		}
		allowed = append(allowed, workspace)
	}
	return allowed, nil
}
