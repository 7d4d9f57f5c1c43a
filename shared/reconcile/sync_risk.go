package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/infisical"
)

// firstPage is how many variables a server lists before it fails: a run then meets its
// own variables as conflicts, and deletes none of the later pages.
// Source: https://github.com/Infisical/infisical/issues/6485
const firstPage = 10

// RiskError refuses a write whose risks nobody has said yes to. Nothing was written.
type RiskError struct {
	Name, ProjectID string
	Action          Action
	Risks           []string
}

func (e *RiskError) Error() string {
	return fmt.Sprintf("%s sync %s: %s; if that is meant, permit it explicitly", e.Action, place{e.ProjectID, e.Name}, strings.Join(e.Risks, "; "))
}

// assess finds the risks of the plans that write. What a run already does today is no
// risk of a change that leaves it as it is.
func (l syncListing) assess(ctx context.Context, api Syncs, plans []SyncPlan) {
	users := l.targets(plans)
	byScope(plans, func(p SyncPlan) string { return p.ProjectID }, func(i int) {
		p := &plans[i]
		if p.Action == Delete || !p.moves() {
			return
		}
		if p.want.Deletion && strings.ReplaceAll(p.want.KeySchema, "{{secretKey}}", "") == "" {
			p.Risks = append(p.Risks, fmt.Sprintf("a run deletes every variable of %s that Infisical lacks (deletion without a key_schema)", targetText(p.want.Target)))
		}
		// An environment's slug may have dashes, too.
		if strings.ContainsAny(strings.ReplaceAll(p.want.KeySchema, "{{environment}}", p.want.Environment), "-/") {
			p.Unknown = append(p.Unknown, "whether Bitbucket takes variables with - or / in their names")
		}
		p.sharesTarget(ctx, api, users[sameTarget(p.want.Target)])
		p.countVariables(ctx)
		p.NeedsYes = p.err == nil && (p.NeedsYes || len(p.Risks) > 0 && !p.options.AllowRisks)
	})
}

// moves tells whether the change makes a run do something that it doesn't do today.
func (p SyncPlan) moves() bool {
	return p.Action == Create || p.Action == Adopt || slices.ContainsFunc(p.Fields, func(field string) bool {
		return field != "description" && field != "connection" && field != "mark"
	})
}

// targets are the syncs that each target has once the plans are carried out, as far as
// they were listed.
func (l syncListing) targets(plans []SyncPlan) map[infisical.Target][]place {
	users := map[infisical.Target][]place{}
	planned := map[place]bool{}
	for _, p := range plans {
		planned[p.place()] = true
		if p.err == nil && p.Action != Delete {
			to := sameTarget(p.want.Target)
			users[to] = append(users[to], p.place())
		}
	}
	for _, project := range l.projects {
		for _, row := range l.rows[project] {
			if at := (place{project, row.Name}); !planned[at] {
				to := sameTarget(row.Target)
				users[to] = append(users[to], at)
			}
		}
	}
	return users
}

// sharesTarget finds other syncs with the target, in projects that were not listed by
// asking the server.
func (p *SyncPlan) sharesTarget(ctx context.Context, api Syncs, users []place) {
	var others []string
	for _, at := range users {
		if at != p.place() {
			others = append(others, at.String())
		}
	}
	if len(others) == 0 {
		project, found, err := api.CheckDestination(ctx, p.ProjectID, p.ID, p.want.Target)
		switch {
		case err != nil:
			p.Unknown = append(p.Unknown, fmt.Sprintf("whether another sync has the target: %v", err))
		case found:
			others = append(others, "a sync of project "+quote(project))
		}
	}
	if len(others) > 0 {
		p.Risks = append(p.Risks, fmt.Sprintf("%s is the target of %s, too", targetText(p.want.Target), strings.Join(others, ", ")))
	}
}

// countVariables asks Bitbucket about the target, when a token for it is there.
func (p *SyncPlan) countVariables(ctx context.Context) {
	if p.options.CountVariables == nil {
		return
	}
	count, err := p.options.CountVariables(ctx, p.desired)
	switch {
	case errors.Is(err, bitbucket.ErrNotFound):
		*p = p.failed(fmt.Errorf("sync %s: Bitbucket has no %s, or the connection's account doesn't see it; correct workspace, repository or deployment_environment", p.place(), targetText(p.want.Target)))
	case err != nil:
		p.Unknown = append(p.Unknown, fmt.Sprintf("whether the target exists, and its variables: %v", err))
	case count > firstPage:
		p.Risks = append(p.Risks, fmt.Sprintf("%s has %d variables, and an Infisical with issue 6485 lists %d: its run fails half-way", targetText(p.want.Target), count, firstPage))
	}
}

// sameTarget is equal for targets that Bitbucket may take for one: it may ignore the case
// of a slug and of a UUID.
func sameTarget(to infisical.Target) infisical.Target {
	return infisical.Target{
		Workspace: strings.ToLower(to.Workspace), Repository: strings.ToLower(to.Repository),
		DeploymentEnvironment: strings.ToLower(to.DeploymentEnvironment),
	}
}

// targetText is printable, as anybody in the project may have written the target.
func targetText(to infisical.Target) string {
	text := to.Workspace + "/" + to.Repository
	if to.DeploymentEnvironment != "" {
		text += ", environment " + to.DeploymentEnvironment
	}
	return visible(text)
}
