package main

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/awsjson"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/rollout"
	"github.com/linkersync/linkersync/shared/s3object"
	"github.com/linkersync/linkersync/shared/transport"
)

// configure builds the handler from the function's environment. It reports every
// problem at once and calls nothing.
func configure(e *startup.Environment, log *slog.Logger, out io.Writer) (*handler, error) {
	app := e.Required("LINKERSYNC_APP_KEY")
	bucket := e.Required("LINKERSYNC_BUCKET")
	table := e.Required("LINKERSYNC_TABLE")
	bus := e.Required("LINKERSYNC_BUS")
	queueURL := e.Required("LINKERSYNC_QUEUE_URL")
	deadLettersURL := e.Required("LINKERSYNC_DEAD_LETTERS_URL")
	codec, err := bitbucket.Pinned(e.Optional("LINKERSYNC_CREATE_BODY", ""), e.Optional("LINKERSYNC_BULK_BODY", ""))
	e.Wrong("LINKERSYNC_CREATE_BODY and LINKERSYNC_BULK_BODY", err)
	aws, err := awsenv.Config(e.Getenv)
	e.Wrong("AWS", err)
	if err := e.Err(); err != nil {
		return nil, err
	}
	objects, err := s3object.New(aws, bucket)
	if err != nil {
		return nil, err
	}
	return &handler{
		log: log, app: app,
		worker: worker{
			app: app,
			// Each message asks anew: with a state of minutes ago, the first sync after a
			// reinstall would be skipped as one for a tombstone. A run asks once anyway.
			store:   installation.NewSecretsManager(secretsmanager.NewFromConfig(aws), installation.Options{AppKey: app, CacheTTL: time.Nanosecond}),
			desired: rollout.Desired{Objects: objects, App: app},
			apiURL:  e.Optional("LINKERSYNC_BITBUCKET_URL", ""),
			codec:   codec,
			// A rate limit counts over an hour: the message waits in the queue, not here.
			http: &http.Client{Transport: transport.New(transport.Options{Attempts: 3, Timeout: 15 * time.Second, FailFastOn429: true})},
		},
		table:   &rollout.Table{DynamoDB: awsjson.New(aws, awsjson.DynamoDB), Name: table},
		bus:     rollout.Bus{EventBridge: awsjson.New(aws, awsjson.EventBridge), Name: bus},
		queue:   &queue{sqs: awsjson.New(aws, awsjson.SQS), url: queueURL, deadLettersURL: deadLettersURL},
		metrics: &metrics.Writer{App: app, Out: out},
		now:     time.Now,
	}, nil
}
