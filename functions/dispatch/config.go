package main

import (
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/awsjson"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/rollout"
	"github.com/linkersync/linkersync/shared/s3object"
)

// configure builds the handler from the function's environment. It reports every
// problem at once and calls nothing.
func configure(e *startup.Environment, log *slog.Logger, out io.Writer) (*handler, error) {
	app := e.Required("LINKERSYNC_APP_KEY")
	bucket := e.Required("LINKERSYNC_BUCKET")
	table := e.Required("LINKERSYNC_TABLE")
	bus := e.Required("LINKERSYNC_BUS")
	queueURL := e.Required("LINKERSYNC_QUEUE_URL")
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
		log: log, app: app, bucket: bucket,
		store:   installation.NewSecretsManager(secretsmanager.NewFromConfig(aws), installation.Options{AppKey: app}),
		desired: rollout.Desired{Objects: objects, App: app},
		table:   &rollout.Table{DynamoDB: awsjson.New(aws, awsjson.DynamoDB), Name: table},
		bus:     rollout.Bus{EventBridge: awsjson.New(aws, awsjson.EventBridge), Name: bus},
		queue:   &queue{sqs: awsjson.New(aws, awsjson.SQS), url: queueURL},
		metrics: &metrics.Writer{App: app, Out: out},
		now:     time.Now,
	}, nil
}
