package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/manifest"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/tagged"
	"github.com/linkersync/linkersync/shared/transport"
)

const (
	// warningDays is enough to reach a person who is on holiday.
	warningDays = 14
	// maxWarningDays is the longest life that Atlassian gives to an API token.
	// Source: https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/
	maxWarningDays = 365
)

// The ways to log in to Infisical. OIDC needs a CI's token, which a function
// doesn't have.
const (
	methodAWS       = "aws"
	methodUniversal = "universal"
)

// configure builds the handler from the function's environment. It reports every
// problem at once and calls nothing.
func configure(e *startup.Environment, log *slog.Logger, out io.Writer) (*handler, error) {
	app := e.Required("LINKERSYNC_APP_KEY")
	looks := queue.Queue{URL: e.Required("LINKERSYNC_SYNC_QUEUE_URL")}
	config, err := awsenv.Config(e.Getenv)
	e.Wrong("AWS", err)
	secrets := secretsmanager.NewFromConfig(config)
	safe := configureInfisical(e, config, secrets)
	days, err := readDays(e.Optional("LINKERSYNC_EXPIRY_WARNING_DAYS", strconv.Itoa(warningDays)))
	e.Wrong("LINKERSYNC_EXPIRY_WARNING_DAYS", err)
	bitbucketURL := e.Optional("LINKERSYNC_BITBUCKET_URL", bitbucket.DefaultBaseURL)
	_, err = transport.Endpoint(bitbucketURL)
	e.Wrong("LINKERSYNC_BITBUCKET_URL", err)
	if err := e.Err(); err != nil {
		return nil, err
	}
	looks.SQS = sqs.NewFromConfig(config)
	return &handler{
		log: log, app: app, now: time.Now, warning: time.Duration(days) * 24 * time.Hour,
		registry: tagged.Registry{API: secrets, Installations: installation.NamePrefix(app)},
		safe:     safe,
		bitbucket: account{
			url:  bitbucketURL,
			http: &http.Client{Transport: transport.New(transport.Options{Timeout: 10 * time.Second})},
		},
		metrics: &metrics.Writer{App: app, Out: out},
		looks:   looks,
	}, nil
}

// configureInfisical reads where Infisical is and how to log in there.
func configureInfisical(e *startup.Environment, config aws.Config, secrets installation.SecretsManagerAPI) *safe {
	s := &safe{url: e.Optional("LINKERSYNC_INFISICAL_URL", infisical.DefaultBaseURL), organization: e.Optional("LINKERSYNC_INFISICAL_ORGANIZATION", "")}
	_, err := transport.Endpoint(s.url)
	e.Wrong("LINKERSYNC_INFISICAL_URL", err)
	// `make package` puts the file beside the binary.
	if file := e.Optional("LINKERSYNC_INFISICAL_CA_FILE", ""); file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(e.Optional("LAMBDA_TASK_ROOT", "."), file)
		}
		s.roots, err = infisical.LoadRootCAs(file)
		e.Wrong("LINKERSYNC_INFISICAL_CA_FILE", err)
	}
	switch method := e.Optional("LINKERSYNC_INFISICAL_METHOD", methodAWS); method {
	case methodAWS:
		s.login = awsLogin{infisical.AWSAuth{
			IdentityID: e.Required("LINKERSYNC_INFISICAL_IDENTITY_ID"), Region: config.Region, Credentials: config.Credentials,
		}}
	case methodUniversal:
		reference, err := manifest.ParseReference(e.Required("LINKERSYNC_INFISICAL_CLIENT"))
		if err == nil && (reference.Scheme != manifest.SchemeAWSSecret || reference.Key != "") {
			err = errors.New("want a reference such as aws-secret:linkersync/infisical, to a secret with client_id and client_secret")
		}
		e.Wrong("LINKERSYNC_INFISICAL_CLIENT", err)
		s.login = &universalLogin{api: secrets, id: reference.Target}
	default:
		e.Wrong("LINKERSYNC_INFISICAL_METHOD", fmt.Errorf("%q is neither %s nor %s", method, methodAWS, methodUniversal))
	}
	return s
}

func readDays(text string) (int, error) {
	days, err := strconv.Atoi(text)
	if err != nil || days < 1 || days > maxWarningDays {
		return 0, fmt.Errorf("%q is not a number of days from 1 to %d", text, maxWarningDays)
	}
	return days, nil
}
