package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/reconcile"
)

// look is a message of the sync queue: runs of one connection's syncs that are to be
// looked at.
type look struct {
	// Organization is a sub-organization's slug, as in the token's secret.
	Organization string       `json:"organization,omitempty"`
	Connection   string       `json:"connection"`
	Syncs        []lookedSync `json:"syncs"`
	// Before is how many looks there were.
	Before int `json:"before,omitempty"`
}

type lookedSync struct {
	ID        string `json:"id"`
	ProjectID string `json:"project_id"`
	// Unstarted: its run could not be asked for yet.
	Unstarted bool `json:"unstarted,omitempty"`
}

const (
	// maxLooks and pause bound the looks to about an hour and a half: with five runs at
	// once for a connection, Infisical makes the others wait for up to 80 minutes.
	maxLooks = 9
	maxPause = 15 * time.Minute
	// lookSyncs of a message fit into SQS's 256 KB.
	lookSyncs = 1000
	// sendTime is for queueing a look when the time for work is up.
	sendTime = 5 * time.Second
)

// pause is 1, 2, 4, 8 minutes, and then 15 each time.
func (l look) pause() time.Duration { return min(time.Minute<<l.Before, maxPause) }

// lookLater queues the look after this one, if runs are left.
func (h *handler) lookLater(ctx context.Context, next look, runs *reconcile.Runs) error {
	var syncs []lookedSync
	for _, sync := range runs.Unstarted {
		syncs = append(syncs, lookedSync{sync.ID, sync.ProjectID, true})
	}
	for _, sync := range runs.Running {
		syncs = append(syncs, lookedSync{sync.ID, sync.ProjectID, false})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	for next.Syncs = range slices.Chunk(syncs, lookSyncs) {
		if err := h.looks.Later(ctx, next, next.pause()); err != nil {
			return err
		}
	}
	return nil
}

// Invoke takes messages of the sync queue, and leaves anything else to Handle.
func (h *handler) Invoke(ctx context.Context, raw json.RawMessage) (answer any, err error) {
	var batch events.SQSEvent
	if json.Unmarshal(raw, &batch) != nil || len(batch.Records) == 0 {
		return h.Handle(ctx, raw)
	}
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, record := range batch.Records {
		if err := h.record(ctx, record.Body); err != nil {
			h.log.ErrorContext(ctx, "look at syncs failed", slog.String("error", err.Error()))
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return response, nil
}

func (h *handler) record(ctx context.Context, body string) (err error) {
	defer startup.Recover(ctx, h.log, &err)
	var l look
	if json.Unmarshal([]byte(body), &l) != nil || l.Connection == "" || l.Before < 0 || l.Before >= maxLooks {
		return fmt.Errorf("%w: the message is not one of linkersync's", errRefused)
	}
	ctx, cancel := cutShort(ctx)
	defer cancel()
	return h.lookAgain(ctx, l)
}

// lookAgain looks at runs. What is not over, or can't be read, waits for the next look;
// after the last one it counts as failed.
func (h *handler) lookAgain(ctx context.Context, l look) error {
	runs := &reconcile.Runs{}
	for _, sync := range l.Syncs {
		row := infisical.Sync{ID: sync.ID, ProjectID: sync.ProjectID}
		if sync.Unstarted {
			runs.Unstarted = append(runs.Unstarted, row)
		} else {
			runs.Running = append(runs.Running, row)
		}
	}
	client, err := h.safe.open(ctx, l.Organization)
	if err == nil {
		defer h.revoke(ctx, client)
		runs.API = client
		runs.Start(ctx)
		err = runs.Look(ctx)
	}
	p := &pass{handler: h}
	p.syncsFailed(ctx, l.Connection, runs.Failed...)
	if l.Before++; l.Before == maxLooks {
		for _, sync := range runs.Left() {
			p.syncsFailed(ctx, l.Connection, reconcile.SyncFailure{Sync: sync, Err: unfinished(err)})
		}
		return p.count()
	}
	if err != nil {
		h.log.WarnContext(ctx, "syncs can't be looked at now", slog.String("connection", l.Connection), slog.String("error", err.Error()))
	}
	return errors.Join(p.count(), h.lookLater(ctx, l, runs))
}

func unfinished(err error) error {
	if err != nil {
		return fmt.Errorf("how its run ended can't be read: %w", err)
	}
	return errors.New("its run is not over after an hour and a half")
}

// count writes how many syncs failed.
func (p *pass) count() error {
	return p.metrics.Count(map[metrics.Name]int{metrics.SyncsFailed: len(p.failedSyncs)})
}
