package rollout

import (
	"context"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/awsjson"
)

// Advance records that versionID is the current state of a scope, on behalf of a
// run, and returns the scope's revision, which grows with each new version, and
// the run that announced the version. A version that is recorded already keeps
// both: an event that arrives twice, and the event that our own write to the
// bucket causes, find another run, or their own, in charge.
//
// The revision only saves work: a message with an older one is skipped because a
// newer message exists. What is applied is always read from the bucket.
func (t *Table) Advance(ctx context.Context, app, scope, versionID, runID string) (revision int64, owner string, err error) {
	after, met, err := t.update(ctx, newestKey(app, scope),
		"SET version_id = :version, run_id = :run ADD revision :one", "attribute_not_exists(id) OR version_id <> :version",
		item{":version": text(versionID), ":run": text(runID), ":one": number(1)})
	if err != nil {
		return 0, "", err
	}
	if !met {
		if after, err = t.get(ctx, newestKey(app, scope)); err != nil {
			return 0, "", err
		}
	}
	return numberOf(after, "revision"), textOf(after, "run_id"), nil
}

// Newest returns the revision of a scope's current state, 0 when none was recorded.
func (t *Table) Newest(ctx context.Context, app, scope string) (int64, error) {
	found, err := t.get(ctx, newestKey(app, scope))
	return numberOf(found, "revision"), err
}

// Claim records which version of a scope a run was about to replace, and returns
// what it recorded first. A run that is repeated after its process died, or whose
// event comes twice, finds out by it whether the scope was written to since: then
// its own write would bring an old manifest back.
func (t *Table) Claim(ctx context.Context, runID, scope, versionID string) (first string, err error) {
	id := claimKey(runID, scope)
	err = t.DynamoDB.Call(ctx, "PutItem", input{
		TableName: t.Name, ConditionExpression: "attribute_not_exists(id)",
		Item: item{"id": text(id), "version_id": text(versionID), "expires": t.expires(runLife)},
	}, nil)
	if err == nil {
		return versionID, nil
	}
	if !awsjson.Is(err, conditionFailed) {
		return "", fmt.Errorf("write %s to the table: %w", id, awsenv.Cut(err))
	}
	found, err := t.get(ctx, id)
	return textOf(found, "version_id"), err
}

// claimAnew is Claim for a run that knows that it has written nothing yet, as somebody
// else wrote first: it is about to replace that version now.
func (t *Table) claimAnew(ctx context.Context, runID, scope, versionID string) error {
	_, _, err := t.update(ctx, claimKey(runID, scope), "SET version_id = :version", "", item{":version": text(versionID)})
	return err
}

func claimKey(runID, scope string) string { return "claim#" + runID + "#" + scope }

// overtaken tells whether a later event has a say in what a scope holds, and notes
// the event's time when none has. Events of one second count in the order in which
// they are worked on.
// The note never expires, or an event that comes late could win after all: one item
// for each scope that an event ever wrote.
func (t *Table) overtaken(ctx context.Context, app, scope string, at time.Time) (bool, error) {
	_, latest, err := t.update(ctx, "event#"+app+"#"+scope, "SET sent = :at", "attribute_not_exists(id) OR sent <= :at", item{":at": number(at.Unix())})
	return !latest, err
}

func newestKey(app, scope string) string { return "newest#" + app + "#" + scope }
