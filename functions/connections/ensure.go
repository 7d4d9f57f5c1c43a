package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/infisical"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/tagged"
)

// maxRounds is how often a token that changed while it was brought to Infisical
// is brought again. People rotate one once in a while, not within seconds.
const maxRounds = 3

// ensure brings the tokens to Infisical, with one login for each organization. The
// organizations are side by side; one that fails or is slow keeps no other from being
// done.
func (p *pass) ensure(ctx context.Context) {
	groups := map[string][]tagged.Token{}
	for _, t := range p.tokens {
		groups[t.Organization] = append(groups[t.Organization], t)
	}
	slugs := slices.Sorted(maps.Keys(groups))
	parts := make([]part, len(slugs))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, slug := range slugs {
		client, err := p.safe.open(ctx, slug)
		if err != nil {
			p.note(ctx, err)
			continue
		}
		parts[i] = part{pass: p, organization: slug, api: client}
		group.Go(func() error {
			if err := parts[i].do(ctx, client, groups[slug]); err != nil {
				p.note(ctx, err)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are noted one by one
	for _, part := range parts {
		p.results = append(p.results, part.results...)
	}
}

// part is the work in one organization.
type part struct {
	*pass
	organization string
	api          api
	results      []reconcile.ConnectionResult
}

// api is what is asked of Infisical.
type api interface {
	reconcile.Connections
	reconcile.Users
}

// do brings tokens to their connections within one login. Its error is one that all
// of them met.
func (p *part) do(ctx context.Context, client *infisical.Client, work []tagged.Token) error {
	defer p.revoke(ctx, client)
	for round := 1; len(work) > 0; round++ {
		written, err := p.apply(ctx, work)
		if err != nil {
			return err
		}
		if work = p.outdated(ctx, written); round == maxRounds && len(work) > 0 {
			return fmt.Errorf("secret %s: it changed again and again while it was brought to Infisical", work[0].Secret)
		}
	}
	p.follow(ctx)
	return nil
}

func (h *handler) revoke(ctx context.Context, client *infisical.Client) {
	if err := client.Revoke(ctx); err != nil {
		h.log.WarnContext(ctx, "infisical login not revoked, it ends by itself", slog.String("error", err.Error()))
	}
}

// apply plans and applies the tokens' connections, and returns those whose
// credentials were written.
func (p *part) apply(ctx context.Context, tokens []tagged.Token) (written []tagged.Token, err error) {
	desired := make([]reconcile.DesiredConnection, len(tokens))
	for i, t := range tokens {
		desired[i] = t.Desired
		desired[i].Owner = reconcile.StackOwner(p.app)
	}
	plans, err := reconcile.PlanConnections(ctx, p.api, desired)
	if err != nil {
		return nil, explain(err)
	}
	for i, plan := range plans {
		if plan.Changed() && p.thorough {
			p.log.WarnContext(ctx, "connection differs from its secret", slog.String("secret", tokens[i].Secret),
				slog.String("connection", plan.Name), slog.String("action", string(plan.Action)), slog.Any("fields", plan.Fields),
				slog.String("reason", plan.Drift))
		}
	}
	// Every failure is in a result, too.
	results, _ := reconcile.ApplyConnections(ctx, p.api, plans, reconcile.ConnectionOptions{CheckToken: p.bitbucket.check})
	p.results = append(p.results, results...)
	var unwritten []tagged.Token
	for i, result := range results {
		switch {
		case plans[i].Cause() != nil:
			p.fail(ctx, tokens[i].Secret, fmt.Errorf("secret %s: %w", tokens[i].Secret, explain(plans[i].Cause())))
			continue
		case result.Error != "":
			p.fail(ctx, tokens[i].Secret, fmt.Errorf("secret %s: %s", tokens[i].Secret, result.Error))
			continue
		case result.Changed():
			p.log.InfoContext(ctx, "connection changed", slog.String("secret", tokens[i].Secret), slog.String("connection", result.Name),
				slog.String("project_id", result.ProjectID), slog.String("action", string(result.Action)))
		}
		if result.Action == reconcile.None || result.Action == reconcile.Update {
			unwritten = append(unwritten, tokens[i])
			continue
		}
		written = append(written, tokens[i])
	}
	if p.thorough {
		p.try(ctx, unwritten)
	}
	p.scopes(ctx, written)
	return written, nil
}

// outdated returns the tokens that changed since they were read, as they are now.
// Without it the slower of two invocations would leave the older token behind.
func (p *pass) outdated(ctx context.Context, written []tagged.Token) []tagged.Token {
	var changed []tagged.Token
	for _, t := range written {
		value, err := installation.ReadSecret(ctx, p.registry.API, t.Secret)
		if err == nil && value.Equal(t.Value) {
			continue
		}
		now, err := p.registry.Read(ctx, t.Secret)
		if err != nil {
			p.fail(ctx, t.Secret, err)
			continue
		}
		changed = append(changed, now)
	}
	return changed
}

// try asks Bitbucket whether tokens that are in their connections still work.
func (p *pass) try(ctx context.Context, tokens []tagged.Token) {
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, t := range tokens {
		group.Go(func() error {
			if err := p.bitbucket.check(ctx, t.Desired.Email, t.Desired.Token); err != nil {
				p.fail(ctx, t.Secret, fmt.Errorf("secret %s: its token, which connection %q uses: %w", t.Secret, t.Desired.Name, err))
				return nil
			}
			p.scopes(ctx, []tagged.Token{t})
			return nil
		})
	}
	_ = group.Wait() // failures are noted one by one
}

// scopes says which scopes tokens lack for their uses: Infisical asks for none but
// read:user before the first sync fails.
func (p *pass) scopes(ctx context.Context, tokens []tagged.Token) {
	for _, t := range tokens {
		lacking, err := p.bitbucket.lacking(ctx, t.Desired.Email, t.Desired.Token, t.Uses)
		if err == nil && len(lacking) > 0 {
			err = fmt.Errorf("it lacks %s, which its uses need; make a token that has them", strings.Join(lacking, ", "))
		}
		if err != nil {
			p.fail(ctx, t.Secret, fmt.Errorf("secret %s: its token, which connection %q uses: %w", t.Secret, t.Desired.Name, err))
		}
	}
}
