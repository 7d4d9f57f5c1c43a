package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
)

// lister is the part of the installation store that dispatch uses: one page of
// installations, without their secrets.
type lister interface {
	List(ctx context.Context, cursor string) (page []installation.Installation, next string, err error)
}

// handler turns events into queue messages.
type handler struct {
	log     *slog.Logger
	app     string
	bucket  string
	store   lister
	desired rollout.Desired
	table   *rollout.Table
	bus     rollout.Bus
	queue   queue.Queue
	watch   *removal.Watch
	metrics *metrics.Writer
	now     func() time.Time
}

// result answers a direct invoke, and is logged.
type result struct {
	Run string `json:"run"`
	// Queued counts the installations that the run looks at.
	Queued int `json:"queued"`
	// Note says why nothing was queued.
	Note string `json:"note,omitempty"`
}

// Handle takes any event of template.yaml's rules, or a direct invoke. An error
// makes Lambda repeat the event, and put it into the dead-letter queue with the
// error's text when it keeps failing.
func (h *handler) Handle(ctx context.Context, raw json.RawMessage) (answer result, err error) {
	defer startup.Recover(ctx, h.log, &err)
	requestID := ""
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		requestID = invocation.AwsRequestID
	}
	o, err := read(raw, requestID, h.now(), deployment{app: h.app, bucket: h.bucket})
	ctx = startup.WithRun(ctx, o.run)
	if err == nil {
		answer, err = h.dispatch(ctx, o)
	}
	switch {
	case errors.Is(err, errIgnored) || errors.Is(err, rollout.ErrOvertaken):
		answer.Note, err = err.Error(), nil
		answer.Run = o.run
		h.log.InfoContext(ctx, "event ignored", slog.String("reason", answer.Note))
	case err != nil:
		if errors.Is(err, rollout.ErrRefused) && o.run != "" {
			h.refuse(ctx, o.run, err)
		}
		h.log.ErrorContext(ctx, "dispatch failed", slog.String("error", err.Error()))
	default:
		h.log.InfoContext(ctx, "dispatched", slog.Int("queued", answer.Queued), slog.String("note", answer.Note))
	}
	return answer, err
}

// refuse ends the run before it begins, so that those who wait for it hear the reason.
// The event is still an error, which brings it to the dead-letter queue. When the refusal
// can't be recorded, Lambda's next attempt records it.
func (h *handler) refuse(ctx context.Context, id string, refusal error) {
	reason := strings.TrimPrefix(refusal.Error(), rollout.ErrRefused.Error()+": ")
	run, err := h.table.RefuseRun(ctx, id, h.app, reason)
	if err == nil {
		_, _, err = rollout.Announce(ctx, h.table, h.bus, run)
	}
	if err != nil {
		h.log.ErrorContext(ctx, "refusal not recorded", slog.String("error", err.Error()))
	}
}
