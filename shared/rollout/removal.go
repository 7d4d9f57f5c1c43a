package rollout

import (
	"context"
	"time"

	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/removal"
)

// Removal implements [removal.Store]: what the app knows of the linker endpoints.
func (t *Table) Removal(ctx context.Context, app string) (state removal.State, err error) {
	_, err = t.get(ctx, removalKey(app), &state)
	for _, at := range []*time.Time{&state.Since, &state.Probed, &state.Gone, &state.Stopped, &state.Cleared} {
		if at.Unix() == 0 { // none, after Clear
			*at = time.Time{}
		}
	}
	return state, err
}

// The times of a suspicion are seconds since 1970; 0 stands for none, after Clear.
const (
	suspected    = "since > :none"
	notSuspected = "attribute_not_exists(since) OR since = :none"
)

// Suspect implements [removal.Store].
func (t *Table) Suspect(ctx context.Context, app, evidence string) error {
	_, err := t.update(ctx, removalKey(app), "SET since = :now, evidence = :evidence", notSuspected,
		values{":now": t.now().Unix(), ":evidence": queue.Shorten(evidence), ":none": 0}, nil)
	return err
}

// ClaimProbe implements [removal.Store].
func (t *Table) ClaimProbe(ctx context.Context, app string, notFor time.Duration) (bool, error) {
	return t.update(ctx, removalKey(app), "SET probed = :now", "attribute_not_exists(probed) OR probed <= :before",
		values{":now": t.now().Unix(), ":before": t.now().Add(-notFor).Unix()}, nil)
}

// NoteProbe implements [removal.Store].
func (t *Table) NoteProbe(ctx context.Context, app, answer string, gone bool) error {
	// Not after another process has cleared the suspicion.
	met, err := t.update(ctx, removalKey(app), "SET answer = :answer", suspected, values{":answer": queue.Shorten(answer), ":none": 0}, nil)
	if err != nil || !met || !gone {
		return err
	}
	_, err = t.update(ctx, removalKey(app), "SET gone = :now", suspected+" AND (attribute_not_exists(gone) OR gone = :none)",
		values{":now": t.now().Unix(), ":none": 0}, nil)
	return err
}

// Stop implements [removal.Store].
func (t *Table) Stop(ctx context.Context, app string) (first bool, err error) {
	return t.update(ctx, removalKey(app), "SET stopped = :now", suspected+" AND (attribute_not_exists(stopped) OR stopped = :none)",
		values{":now": t.now().Unix(), ":none": 0}, nil)
}

// Clear implements [removal.Store].
func (t *Table) Clear(ctx context.Context, app string) (was bool, err error) {
	return t.update(ctx, removalKey(app), "SET cleared = :now, since = :none, gone = :none, stopped = :none, evidence = :empty, answer = :empty", suspected,
		values{":now": t.now().Unix(), ":none": 0, ":empty": ""}, nil)
}

func removalKey(app string) string { return "removal#" + app }
