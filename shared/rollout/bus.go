package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/queue"
)

// EventBridge is the part of [eventbridge.Client] that is used.
type EventBridge interface {
	PutEvents(ctx context.Context, in *eventbridge.PutEventsInput, options ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Bus sends events to the deployment's event bus.
type Bus struct {
	EventBridge EventBridge
	Name        string
}

// ErrTooLarge says that an event is more than a call may carry.
var ErrTooLarge = errors.New("too large for an event")

// Send puts events of one detail type and returns their ids, in order. An entry
// that EventBridge refuses is an error, after the others were sent; ErrTooLarge comes
// before any is sent.
// Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func Send[T Change | AddonUpdate | Applied | Finished](ctx context.Context, b Bus, detailType string, details ...T) (ids []string, err error) {
	entries := make([]types.PutEventsRequestEntry, 0, len(details))
	for _, detail := range details {
		body, err := json.Marshal(detail)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", detailType, err)
		}
		one := types.PutEventsRequestEntry{EventBusName: &b.Name, Source: aws.String(Source), DetailType: &detailType, Detail: aws.String(string(body))}
		if entrySize(one) > queue.BatchBytes {
			return nil, fmt.Errorf("put %s: it has %d bytes, %w: the limit is %d", detailType, entrySize(one), ErrTooLarge, queue.BatchBytes)
		}
		entries = append(entries, one)
	}
	for batch := range queue.Batches(entries, entrySize) {
		out, err := b.EventBridge.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: batch})
		if err != nil {
			return ids, fmt.Errorf("put %s: %w", detailType, awsenv.Cut(err))
		}
		if len(out.Entries) != len(batch) {
			return ids, fmt.Errorf("put %s: EventBridge answered for %d of %d events: look at the bus before you send them again", detailType, len(out.Entries), len(batch))
		}
		for _, put := range out.Entries {
			if code := aws.ToString(put.ErrorCode); code != "" {
				return ids, fmt.Errorf("put %s: EventBridge refused it (%s)", detailType, code)
			}
			ids = append(ids, aws.ToString(put.EventId))
		}
	}
	return ids, nil
}

// entrySize is what counts against the limit of a call.
func entrySize(e types.PutEventsRequestEntry) int {
	return len(*e.Source) + len(*e.DetailType) + len(*e.Detail)
}

// Announce ends a run that is complete: it marks the run as done and sends Run Finished.
// Everybody who moves a run calls it. When the first caller dies between the two, the
// next one sends the event. finished is true for the caller that sent it.
func Announce(ctx context.Context, t *Table, b Bus, run Run) (ended Run, finished bool, err error) {
	if !run.Complete() || run.Announced {
		return run, false, nil
	}
	if run, err = t.finishRun(ctx, run); err != nil || run.Announced {
		return run, false, err
	}
	if _, err := Send(ctx, b, DetailFinished, run.Finished()); err != nil {
		return run, false, err
	}
	return run, true, t.markAnnounced(ctx, run)
}
