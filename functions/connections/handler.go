package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/tagged"
)

// reserve is the time that is left, when work is cut short, for ending the login
// and saying what happened.
const reserve = 12 * time.Second

// handler brings tokens from Secrets Manager to Infisical.
type handler struct {
	log *slog.Logger
	// app names the owner of the connections in their marks.
	app       string
	now       func() time.Time
	warning   time.Duration
	registry  tagged.Registry
	safe      *safe
	bitbucket account
	metrics   *metrics.Writer
	// looks is the queue of runs to look at.
	looks queue.Queue
}

// result answers a direct invoke.
type result struct {
	// Connections are those that were looked at, in the order of their secrets.
	Connections []reconcile.ConnectionResult `json:"connections,omitempty"`
	// Expiring counts the tokens that expire soon, or did.
	Expiring int `json:"expiring"`
	// FailedSyncs say which syncs and scans failed, and why.
	FailedSyncs []string `json:"failed_syncs,omitempty"`
	// Note says why nothing was looked at.
	Note string `json:"note,omitempty"`
}

// Handle takes any event of template.yaml's rules, or a direct invoke. An error
// makes Lambda repeat the event, and put it into the dead-letter queue with the
// error's text when it keeps failing.
func (h *handler) Handle(ctx context.Context, raw json.RawMessage) (answer result, err error) {
	defer startup.Recover(ctx, h.log, &err)
	o, err := read(raw)
	if err == nil {
		answer, err = h.take(ctx, o)
	}
	switch {
	case errors.Is(err, tagged.ErrIgnored) && !o.explicit:
		answer.Note, err = err.Error(), nil
		h.log.DebugContext(ctx, "event ignored", slog.String("reason", answer.Note))
	case err != nil:
		h.log.ErrorContext(ctx, "connections failed", slog.String("error", err.Error()))
	}
	return answer, err
}

// take finds the order's tokens and brings each to its connection. One that fails
// keeps no other from being looked at.
func (h *handler) take(ctx context.Context, o order) (result, error) {
	ctx, cancel := cutShort(ctx)
	defer cancel()
	names, err := h.find(ctx, o)
	if err != nil {
		return result{}, err
	}
	pass := &pass{handler: h, thorough: o.secret == ""}
	pass.read(ctx, names)
	pass.ensure(ctx)
	return pass.finish()
}

// cutShort ends work while there is time to say what happened.
func cutShort(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, deadline.Add(-reserve), errors.New("the function's time is up"))
}

func (h *handler) find(ctx context.Context, o order) ([]string, error) {
	if o.secret == "" {
		return h.registry.All(ctx)
	}
	name, err := h.registry.One(ctx, o.secret)
	return []string{name}, err
}
