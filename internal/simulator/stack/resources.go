package stack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	simaws "github.com/linkersync/linkersync/internal/simulator/aws"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	"github.com/linkersync/linkersync/internal/simulator/lambda"
)

// infisicalSecret is the Secrets Manager secret with the machine identity of the
// connections function.
const infisicalSecret = "linkersync/infisical"

// After how many deliveries a message is a dead letter, as in template.yaml.
const (
	maxReceives     = 1000
	maxLookReceives = 3
)

// makeResources makes what template.yaml makes besides functions.
func (s *Stack) makeResources(ctx context.Context) error {
	s.AWS.Buckets.Add(Bucket)
	for _, name := range []string{DeadLetters, DeadEvents} {
		if err := s.makeQueue(ctx, name, nil); err != nil {
			return err
		}
	}
	err := errors.Join(
		s.makeQueue(ctx, Queue, map[string]string{
			"VisibilityTimeout": strconv.Itoa(int(s.options.Visibility.Seconds())), "RedrivePolicy": redrive(DeadLetters, maxReceives),
		}),
		s.makeQueue(ctx, SyncQueue, map[string]string{"VisibilityTimeout": "1800", "RedrivePolicy": redrive(DeadEvents, maxLookReceives)}))
	if err != nil {
		return err
	}
	s.AWS.Tables.Add(Table)
	return nil
}

func (s *Stack) makeQueue(ctx context.Context, name string, attributes map[string]string) error {
	_, err := sqs.NewFromConfig(s.AWS.Config()).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	if err != nil {
		return fmt.Errorf("create queue %s: %w", name, err)
	}
	return nil
}

func redrive(to string, receives int) string {
	return fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:%s","maxReceiveCount":%d}`, simaws.Region, simaws.Account, to, receives)
}

// Tick sends the event of a schedule: drift repair to Dispatch, the daily check to
// Connections.
func (s *Stack) Tick(function *lambda.Async) error {
	body, err := json.Marshal(eventbridge.Event{
		Version: "0", ID: rand.Text(), DetailType: "Scheduled Event", Source: "aws.events",
		Account: simaws.Account, Region: simaws.Region, Time: time.Now().UTC(), Resources: []string{}, Detail: []byte("{}"),
	})
	if err != nil {
		return fmt.Errorf("make a schedule's event: %w", err)
	}
	return function.Send(body)
}

// addRules are the rules of template.yaml. The custom bus exists from here on.
func (s *Stack) addRules() error {
	rules := []struct {
		bus, pattern string
		target       func([]byte) error
	}{
		{Bus, `{"source":["linkersync"],"detail-type":["Linker Values Changed","Addon Update Requested"]}`, s.Dispatch.Send},
		{eventbridge.DefaultBus, `{"source":["aws.s3"],"detail-type":["Object Created"],"detail":{"bucket":{"name":["` + Bucket + `"]}}}`, s.Dispatch.Send},
		{eventbridge.DefaultBus, `{"source":["aws.secretsmanager"],"detail-type":["Secret Label Updated"],"detail":{"labelUpdated":["AWSCURRENT"],` +
			`"name":[{"anything-but":{"prefix":"linkersync/` + s.options.AppKey + `/installation/"}}]}}`, s.Connections.Send},
	}
	for _, rule := range rules {
		_, err := s.AWS.Events.On(rule.bus, rule.pattern, func(ctx context.Context, event eventbridge.Event) {
			body, err := json.Marshal(event)
			if err == nil {
				err = rule.target(body)
			}
			if err != nil && !errors.Is(err, lambda.ErrStopped) {
				// EventBridge gives an event up that no target takes; it must not get lost in silence.
				s.keepLetter(ctx, lambda.DeadLetter{Payload: body, Condition: "NotDelivered", Err: err})
			}
		})
		if err != nil {
			return fmt.Errorf("add rule: %w", err)
		}
	}
	return nil
}
