package rollout

import "context"

// Advance records that versionID is the current state of a scope and returns its
// revision, which grows with each new version. A version that is recorded already
// keeps its revision, so an event that arrives twice changes nothing.
//
// The revision only saves work: a message with an older one is skipped because a
// newer message exists. What is applied is always read from the bucket.
func (t *Table) Advance(ctx context.Context, app, scope, versionID string) (revision int64, fresh bool, err error) {
	id := "newest#" + app + "#" + scope
	after, met, err := t.update(ctx, id,
		"SET version_id = :version ADD revision :one", "attribute_not_exists(id) OR version_id <> :version",
		item{":version": text(versionID), ":one": number(1)})
	if err != nil {
		return 0, false, err
	}
	if met {
		return numberOf(after, "revision"), true, nil
	}
	revision, err = t.Newest(ctx, app, scope)
	return revision, false, err
}

// Newest returns the revision of a scope's current state, 0 when none was recorded.
func (t *Table) Newest(ctx context.Context, app, scope string) (int64, error) {
	found, err := t.get(ctx, "newest#"+app+"#"+scope)
	return numberOf(found, "revision"), err
}
