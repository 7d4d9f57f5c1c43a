package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/functions/internal/metrics"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/tagged"
)

// parallel is how many secrets are read, or tokens checked, at a time.
const parallel = 8

// pass is one invocation's look at some tokens.
type pass struct {
	*handler
	// thorough tries tokens at Bitbucket even if nothing is to be written: one may
	// have been revoked there.
	thorough bool

	// found is how many secrets there are.
	found    int
	tokens   []tagged.Token
	results  []reconcile.ConnectionResult
	expiring int

	mu       sync.Mutex
	failures []error
	// failedSyncs say which syncs and scans failed, and why.
	failedSyncs []string
}

// note keeps a failure that is no secret's alone.
func (p *pass) note(ctx context.Context, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, err)
	p.log.ErrorContext(ctx, "connection failed", slog.String("error", err.Error()))
}

// fail notes what went wrong with one secret. Its error names the secret.
func (p *pass) fail(ctx context.Context, secret string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, err)
	p.log.ErrorContext(ctx, "connection failed", slog.String("secret", secret), slog.String("error", err.Error()))
}

// read reads the secrets, warns of those that end soon, and refuses those that
// stand for the same connection: they would overwrite each other for ever.
func (p *pass) read(ctx context.Context, names []string) {
	p.found = len(names)
	read := make([]tagged.Token, len(names))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, name := range names {
		group.Go(func() error {
			var err error
			if read[i], err = p.registry.Read(ctx, name); err != nil {
				p.fail(ctx, name, err)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are noted one by one
	type place struct{ organization, project, name string }
	holders := map[place]string{}
	for _, t := range read {
		if t.Secret == "" {
			continue
		}
		p.warn(ctx, t)
		t.Organization = cmp.Or(t.Organization, p.safe.organization)
		at := place{t.Organization, t.Desired.ProjectID, t.Desired.Name}
		if holder, twice := holders[at]; twice {
			p.fail(ctx, t.Secret, fmt.Errorf("secret %s: its connection %q is the secret %s's too, take one of them away", t.Secret, at.name, holder))
			continue
		}
		holders[at] = t.Secret
		p.tokens = append(p.tokens, t)
	}
}

// warn says that a token ends soon, or that nobody will say so.
func (p *pass) warn(ctx context.Context, t tagged.Token) {
	attributes := []any{slog.String("secret", t.Secret), slog.String("connection", t.Desired.Name)}
	left := t.Expires.Sub(p.now())
	switch {
	case t.Expires.IsZero():
		p.log.InfoContext(ctx, "token has no expires_at, nobody will be warned", attributes...)
	case left < p.warning:
		p.expiring++
		days := int(math.Floor(left.Hours() / 24))
		p.log.WarnContext(ctx, "token expires soon", append(attributes, slog.Time("expires_at", t.Expires), slog.Int("days_left", days))...)
	}
}

// finish counts, and joins what went wrong.
func (p *pass) finish() (result, error) {
	counts := map[metrics.Name]int{
		metrics.ConnectionsFailed: len(p.failures), metrics.TokensExpiring: p.expiring, metrics.SyncsFailed: len(p.failedSyncs),
	}
	for _, done := range p.results {
		if done.Changed() {
			counts[metrics.ConnectionsChanged]++
		}
	}
	if err := p.metrics.Count(counts); err != nil {
		p.failures = append(p.failures, fmt.Errorf("write metrics: %w", err))
	}
	answer := result{Connections: p.results, Expiring: p.expiring, FailedSyncs: p.failedSyncs}
	if len(p.failures) == 0 {
		return answer, nil
	}
	return answer, fmt.Errorf("%d of %d connections failed: %w", len(p.failures), p.found, reasons(p.failures))
}

// maxReasons bounds the error's text, which goes into the dead letter. The log has
// every failure.
const maxReasons = 10

// reasons joins failures into one error.
func reasons(failures []error) error {
	if len(failures) <= maxReasons {
		return errors.Join(failures...)
	}
	more := fmt.Errorf("and %d more, which are in the log", len(failures)-maxReasons)
	return errors.Join(append(failures[:maxReasons:maxReasons], more)...)
}
