package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
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
	aws, err := awsenv.Config(e.Getenv)
	e.Wrong("AWS", err)
	if err := e.Err(); err != nil {
		return nil, err
	}
	apiURL := e.Optional("LINKERSYNC_BITBUCKET_URL", "")
	client := &http.Client{Transport: transport.New(transport.Options{Attempts: 2, Timeout: 10 * time.Second, FailFastOn429: true})}
	progress := &rollout.Table{DynamoDB: dynamodb.NewFromConfig(aws), Name: table}
	return &handler{
		log: log, app: app, bucket: bucket,
		store:   installation.NewSecretsManager(secretsmanager.NewFromConfig(aws), installation.Options{AppKey: app}),
		desired: rollout.Desired{Objects: rollout.Objects{S3: rollout.NewS3(aws), Bucket: bucket}, App: app},
		table:   progress,
		bus:     rollout.Bus{EventBridge: eventbridge.NewFromConfig(aws), Name: bus},
		queue:   queue.Queue{SQS: sqs.NewFromConfig(aws), URL: queueURL},
		watch: &removal.Watch{App: app, Store: progress, Log: log, Probe: func(ctx context.Context) (removal.Verdict, string) {
			return removal.Probe(ctx, client, apiURL)
		}},
		metrics: &metrics.Writer{App: app, Out: out},
		now:     time.Now,
	}, nil
}
