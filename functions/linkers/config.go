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
	"github.com/linkersync/linkersync/shared/bitbucket"
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
	table := &rollout.Table{Name: e.Required("LINKERSYNC_TABLE")}
	bus := e.Required("LINKERSYNC_BUS")
	queue := queue.Queue{URL: e.Required("LINKERSYNC_QUEUE_URL"), DeadLettersURL: e.Required("LINKERSYNC_DEAD_LETTERS_URL")}
	codec, err := bitbucket.Pinned(e.Optional("LINKERSYNC_CREATE_BODY", ""), e.Optional("LINKERSYNC_BULK_BODY", ""))
	e.Wrong("LINKERSYNC_CREATE_BODY and LINKERSYNC_BULK_BODY", err)
	aws, err := awsenv.Config(e.Getenv)
	e.Wrong("AWS", err)
	if err := e.Err(); err != nil {
		return nil, err
	}
	table.DynamoDB, queue.SQS = dynamodb.NewFromConfig(aws), sqs.NewFromConfig(aws)
	apiURL := e.Optional("LINKERSYNC_BITBUCKET_URL", "")
	// A rate limit counts over an hour: the message waits in the queue, not here.
	client := &http.Client{Transport: transport.New(transport.Options{Attempts: 3, Timeout: 15 * time.Second, FailFastOn429: true})}
	h := &handler{
		log: log, app: app, table: table, queue: queue, now: time.Now,
		bus:     rollout.Bus{EventBridge: eventbridge.NewFromConfig(aws), Name: bus},
		metrics: &metrics.Writer{App: app, Out: out},
		worker: worker{
			app: app,
			// Each message reads its secret: with a state of minutes ago, the first sync after a
			// reinstall would be skipped as one for a tombstone.
			store:   installation.NewSecretsManager(secretsmanager.NewFromConfig(aws), installation.Options{AppKey: app, CacheTTL: time.Nanosecond}),
			desired: rollout.Desired{Objects: rollout.Objects{S3: rollout.NewS3(aws), Bucket: bucket}, App: app},
			apiURL:  apiURL, codec: codec, http: client, defaults: &defaults{}, now: time.Now,
		},
	}
	h.watch = &removal.Watch{
		App: app, Store: table, Log: log,
		Probe:  func(ctx context.Context) (removal.Verdict, string) { return removal.Probe(ctx, client, apiURL) },
		OnStop: func(ctx context.Context) { h.count(ctx, map[metrics.Name]int{metrics.EndpointRemoved: 1}) },
	}
	return h, nil
}
