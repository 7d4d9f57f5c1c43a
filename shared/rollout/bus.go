package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linkersync/linkersync/shared/awsenv"
)

// Bus sends events to the deployment's event bus.
type Bus struct {
	EventBridge Caller
	Name        string
}

// entry is one event of a PutEvents call, and result what became of it.
// Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
type entry struct {
	EventBusName, Source, DetailType, Detail string
}

// size is what counts against the limit of a call.
func (e entry) size() int { return len(e.Source) + len(e.DetailType) + len(e.Detail) }

type result struct {
	EventID   string `json:"EventId"`
	ErrorCode string
}

// ErrTooLarge says that an event is more than a call may carry.
var ErrTooLarge = errors.New("too large for an event")

// Send puts events of one detail type and returns their ids, in order. An entry
// that EventBridge refuses is an error, after the others were sent; ErrTooLarge comes
// before any is sent.
func Send[T Change | AddonUpdate | Applied | Finished](ctx context.Context, b Bus, detailType string, details ...T) (ids []string, err error) {
	entries := make([]entry, 0, len(details))
	for _, detail := range details {
		body, err := json.Marshal(detail)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", detailType, err)
		}
		one := entry{EventBusName: b.Name, Source: Source, DetailType: detailType, Detail: string(body)}
		if one.size() > batchBytes {
			return nil, fmt.Errorf("put %s: it has %d bytes, %w: the limit is %d", detailType, one.size(), ErrTooLarge, batchBytes)
		}
		entries = append(entries, one)
	}
	for batch := range Batches(entries, entry.size) {
		var out struct{ Entries []result }
		if err := b.EventBridge.Call(ctx, "PutEvents", map[string]any{"Entries": batch}, &out); err != nil {
			return ids, fmt.Errorf("put %s: %w", detailType, awsenv.Cut(err))
		}
		for _, put := range out.Entries {
			if put.ErrorCode != "" {
				return ids, fmt.Errorf("put %s: EventBridge refused it (%s)", detailType, put.ErrorCode)
			}
			ids = append(ids, put.EventID)
		}
		if len(out.Entries) != len(batch) {
			return ids, fmt.Errorf("put %s: EventBridge answered for %d of %d events", detailType, len(out.Entries), len(batch))
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
	if run.Announced { // by another, since the caller read it
		return run, false, nil
	}
	if _, err := Send(ctx, b, DetailFinished, run.Finished()); err != nil {
		return run, false, err
	}
	return run, true, t.AnnounceRun(ctx, run)
}
