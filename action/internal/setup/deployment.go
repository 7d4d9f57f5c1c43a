package setup

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/rollout"
)

// The parts of a deployment have the names that CloudFormation made up. They are options,
// and the stack's output CommandEnvironment sets all of their variables.

// given fails when the option of a part has no value.
func given(name, value string) error {
	if value != "" {
		return nil
	}
	option := Option{Name: name}
	return UseError{fmt.Sprintf("no %s: give the deployment's with --%s or %s; the stack's output CommandEnvironment has it",
		strings.ReplaceAll(name, "_", " "), option.FlagName(), option.Variable())}
}

// Table returns the deployment's table.
func (s *Session) Table(ctx context.Context) (*rollout.Table, error) {
	if err := given("table", s.options.Table); err != nil {
		return nil, err
	}
	config, err := s.AWS(ctx)
	if err != nil {
		return nil, err
	}
	return &rollout.Table{DynamoDB: dynamodb.NewFromConfig(config), Name: s.options.Table, Now: s.options.Now}, nil
}

// Bus returns the deployment's event bus.
func (s *Session) Bus(ctx context.Context) (rollout.Bus, error) {
	config, err := s.AWS(ctx)
	if err != nil {
		return rollout.Bus{}, err
	}
	return rollout.Bus{EventBridge: eventbridge.NewFromConfig(config), Name: s.options.Bus}, nil
}

// Desired returns the desired state in the deployment's bucket.
func (s *Session) Desired(ctx context.Context) (rollout.Desired, error) {
	if err := given("bucket", s.options.Bucket); err != nil {
		return rollout.Desired{}, err
	}
	if s.options.AppKey == "" {
		return rollout.Desired{}, ErrNoApp
	}
	config, err := s.AWS(ctx)
	if err != nil {
		return rollout.Desired{}, err
	}
	return rollout.Desired{Objects: rollout.Objects{S3: rollout.NewS3(config), Bucket: s.options.Bucket}, App: s.options.AppKey}, nil
}

// DeadLetters returns the deployment's queues of dead letters by name. One whose URL is
// not given is left out.
func (s *Session) DeadLetters(ctx context.Context) (map[string]queue.Letters, error) {
	config, err := s.AWS(ctx)
	if err != nil {
		return nil, err
	}
	client, queues := sqs.NewFromConfig(config), map[string]queue.Letters{}
	for name, url := range map[string]string{WorkerLetters: s.options.DeadLettersURL, EventLetters: s.options.EventDeadLettersURL} {
		if url != "" {
			queues[name] = queue.Letters{SQS: client, URL: url}
		}
	}
	return queues, nil
}

// The names of the queues of dead letters: of messages about one workspace, and of
// events that no function took.
const (
	WorkerLetters = "workers"
	EventLetters  = "events"
)

// Redrive sends the workers' dead letters to their queue again.
func (s *Session) Redrive(ctx context.Context) error {
	if err := given("queue_url", s.options.QueueURL); err != nil {
		return err
	}
	queues, err := s.DeadLetters(ctx)
	if err != nil {
		return err
	}
	return queues[WorkerLetters].Redrive(ctx, s.options.QueueURL)
}
