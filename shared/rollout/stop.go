package rollout

import (
	"context"
	"crypto/rand"
	"time"
)

// Stop is the flag that ends all work for an app: Bitbucket no longer offers an
// endpoint, so that every further call, for any workspace, would only hammer it.
type Stop struct {
	Reason string
	Since  time.Time
}

// SetStop raises the flag for a day. first is true for the one caller that raised
// it: that one says it loudly, the others stay quiet.
func (t *Table) SetStop(ctx context.Context, app, reason string) (first bool, err error) {
	now, mark := t.now(), rand.Text()
	_, first, err = t.update(ctx, stopKey(app),
		"SET stop_reason = :reason, stopped_at = :now, expires = :expires, mark = :mark", "attribute_not_exists(id) OR expires <= :now",
		item{":reason": text(reason), ":now": number(now.Unix()), ":expires": t.expires(stopLife), ":mark": text(mark)})
	if first || err != nil {
		return first, err
	}
	// The mark is ours when the answer to the write was lost and the client repeated it.
	found, err := t.get(ctx, stopKey(app))
	return textOf(found, "mark") == mark, err
}

// Stopped returns the flag; up is false when work may go on.
func (t *Table) Stopped(ctx context.Context, app string) (stop Stop, up bool, err error) {
	found, err := t.get(ctx, stopKey(app))
	if err != nil || found == nil {
		return Stop{}, false, err
	}
	return Stop{Reason: textOf(found, "stop_reason"), Since: time.Unix(numberOf(found, "stopped_at"), 0)}, true, nil
}

func stopKey(app string) string { return "stop#" + app }
