package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// EventBridge is the part of the AWS client that Bus uses.
type EventBridge interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Bus sends events to the deployment's event bus.
type Bus struct {
	API  EventBridge
	Name string
}

// putBatch is EventBridge's limit of entries a call.
const putBatch = 10

// Send puts events of one detail type and returns their ids, in order. An entry
// that EventBridge refuses is an error, after the others were sent.
func Send[T Change | AddonUpdate | Applied | Finished](ctx context.Context, b Bus, detailType string, details ...T) (ids []string, err error) {
	entries := make([]types.PutEventsRequestEntry, 0, len(details))
	for _, detail := range details {
		body, err := json.Marshal(detail)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", detailType, err)
		}
		entries = append(entries, types.PutEventsRequestEntry{
			EventBusName: &b.Name, Source: aws.String(Source), DetailType: &detailType, Detail: aws.String(string(body)),
		})
	}
	for batch := range slices.Chunk(entries, putBatch) {
		out, err := b.API.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: batch})
		if err != nil {
			return ids, fmt.Errorf("put %s: %w", detailType, awsenv.Cut(err))
		}
		for _, entry := range out.Entries {
			if entry.ErrorCode != nil {
				return ids, fmt.Errorf("put %s: EventBridge refused it (%s)", detailType, *entry.ErrorCode)
			}
			ids = append(ids, aws.ToString(entry.EventId))
		}
	}
	return ids, nil
}

// Settle ends a run that is complete: it marks it as done and sends Run Finished.
// Everybody who moves a run calls it; when the first dies half-way, the next does
// the rest. finished is true for whoever sent the event.
func Settle(ctx context.Context, t *Table, b Bus, run Run) (ended Run, finished bool, err error) {
	if !run.Complete() || run.Announced {
		return run, false, nil
	}
	if run, err = t.FinishRun(ctx, run); err != nil {
		return run, false, err
	}
	if run.Phase != Done || run.Announced {
		return run, false, nil
	}
	if _, err := Send(ctx, b, DetailFinished, run.Finished()); err != nil {
		return run, false, err
	}
	return run, true, t.AnnounceRun(ctx, run)
}
