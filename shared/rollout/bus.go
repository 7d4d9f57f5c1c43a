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

// maxEvent is how many bytes an event may have. AWS has raised it to 1 MB, which not
// every target of a rule accepts.
// Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
const maxEvent = 256 << 10

// Send puts an event and returns its id. ErrTooLarge comes before any call.
// Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func Send[T Change | AddonUpdate | Applied | Finished](ctx context.Context, b Bus, detailType string, detail T) (id string, err error) {
	body, err := json.Marshal(detail)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", detailType, err)
	}
	if size := len(Source) + len(detailType) + len(body); size > maxEvent {
		return "", fmt.Errorf("put %s: it has %d bytes, %w: the limit is %d", detailType, size, ErrTooLarge, maxEvent)
	}
	out, err := b.EventBridge.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{EventBusName: &b.Name, Source: aws.String(Source), DetailType: &detailType, Detail: aws.String(string(body))},
	}})
	switch {
	case err != nil:
		return "", fmt.Errorf("put %s: %w", detailType, awsenv.Cut(err))
	case len(out.Entries) != 1:
		return "", fmt.Errorf("put %s: EventBridge did not say what became of it: look at the bus before you send it again", detailType)
	case aws.ToString(out.Entries[0].ErrorCode) != "":
		return "", fmt.Errorf("put %s: EventBridge refused it (%s)", detailType, *out.Entries[0].ErrorCode)
	}
	return aws.ToString(out.Entries[0].EventId), nil
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
