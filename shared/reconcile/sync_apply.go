package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/linkersync/linkersync/shared/infisical"
)

// ApplySyncs carries out the plans that [PlanSyncs] just made, each with one write at
// most, and none where nothing is to be done. Results are in the order of the plans, one
// for each. connections are the results of the same apply, for syncs whose connection it
// made.
//
// Projects are worked on side by side, and syncs of one project in their order. One
// sync's failure doesn't keep the others from being tried, unless it is one that all
// would meet. The error joins those of all syncs. Running it again is always right.
func ApplySyncs(ctx context.Context, api Syncs, plans []SyncPlan, connections []ConnectionResult) ([]SyncResult, error) {
	results, failures := make([]SyncResult, len(plans)), make([]error, len(plans))
	var ended atomic.Bool
	byScope(plans, func(p SyncPlan) string { return p.ProjectID }, func(i int) {
		if ended.Load() {
			results[i] = plans[i].result(errNotTried)
			return
		}
		done, err := plans[i].ensure(ctx, api, connections)
		results[i], failures[i] = done.result(err), err
		if meetsAll(ctx, err) {
			ended.Store(true)
		}
	})
	return results, errors.Join(failures...)
}

var errNotTried = errors.New("not tried, because of the failure before it")

func (p SyncPlan) result(err error) SyncResult {
	result := SyncResult{
		Name: p.Name, ProjectID: p.ProjectID, ID: p.ID, Action: p.Action, Fields: p.Fields, Risks: p.Risks, Drift: p.Drift, Position: p.Position,
	}
	if err != nil {
		result.Outcome, result.Error, result.err = outcomeOf(err), err.Error(), err
	}
	return result
}

// ensure writes one sync. A write without an answer is looked up, and not repeated.
func (p SyncPlan) ensure(ctx context.Context, api Syncs, connections []ConnectionResult) (SyncPlan, error) {
	if err := p.Ready(); err != nil || !p.Changed() {
		return p, err
	}
	if p.want.Name == "" && p.Action != Delete {
		return p, fmt.Errorf("%s sync %s: its plan is a copy that lacks the settings, plan again", p.Action, p.place())
	}
	if p.want.ConnectionID == "" {
		for _, made := range connections {
			if (place{made.ProjectID, made.Name}) == p.connection() && made.Error == "" {
				p.want.ConnectionID = made.ID
			}
		}
	}
	if p.want.ConnectionID == "" && p.Action != Delete {
		return p, fmt.Errorf("%s sync %s: its connection %s was not made", p.Action, p.place(), p.connection())
	}
	row, err := p.write(ctx, api)
	switch {
	case err == nil:
		return p.confirm(row)
	case answered(err) && !errors.Is(err, infisical.ErrNameTaken) && !errors.Is(err, infisical.ErrNotFound):
		return p, err
	}
	return p.look(ctx, api, err)
}

func (p SyncPlan) write(ctx context.Context, api Syncs) (row infisical.Sync, err error) {
	switch p.Action {
	case Create:
		row, err = api.CreateSync(ctx, p.ProjectID, p.want)
	case Delete:
		err = api.DeleteSync(ctx, p.ID, false)
	default:
		row, err = api.UpdateSync(ctx, p.ID, p.want)
	}
	if err != nil {
		return row, fmt.Errorf("%s sync %s: %w", p.Action, p.place(), err)
	}
	return row, nil
}

// look reads the sync after a write that had no answer, or that somebody else was faster
// with, and tells whether it is as desired.
func (p SyncPlan) look(ctx context.Context, api Syncs, cause error) (SyncPlan, error) {
	found, err := lookUpSync(ctx, api, p.place())
	switch {
	case err != nil && answered(cause):
		return p, cause
	case err != nil:
		return p, &UnknownOutcomeError{Kind: "sync", Name: p.Name, ProjectID: p.ProjectID, Err: cause, LookUp: err}
	case p.Action == Delete && (found == nil || found.ID != p.ID):
		return p, nil
	case p.Action == Delete, found == nil:
		return p, cause
	}
	now := p.decide(found, p.want.ConnectionID)
	if now.Changed() {
		if now.NeedsYes {
			cause = now.Ready() // somebody else has made one of this name
		}
		return p, cause
	}
	if !answered(cause) {
		now.Action, now.Fields = p.Action, p.Fields
	}
	return now, nil
}

// confirm compares the answer with what was asked, field by field: a server may have
// dropped or changed one, and every run would write it again.
func (p SyncPlan) confirm(row infisical.Sync) (SyncPlan, error) {
	if p.Action == Delete {
		return p, nil
	}
	differs := syncDifferences(p.want, row.SyncSettings)
	if row.Name != p.Name {
		differs = append(differs, "name")
	}
	if row.ProjectID != p.ProjectID {
		differs = append(differs, "project_id")
	}
	if tidy(row.Description) != tidy(p.want.Description) && len(differs) == 0 {
		differs = []string{"mark"}
	}
	if len(differs) > 0 {
		return p, fmt.Errorf("verify sync %s (id %s): %w (%s); this Infisical may be too old", p.place(), row.ID, errStored, strings.Join(differs, ", "))
	}
	p.ID = row.ID
	return p, nil
}
