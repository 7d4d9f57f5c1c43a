package dynamodb

import (
	"maps"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb/attribute"
)

const (
	// staleness is for how long an eventually consistent read misses the last write.
	// DynamoDB usually catches up sooner; here it never does, so that a read that ought
	// to be consistent shows as what it is.
	// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
	staleness = time.Second
	// maxPast is how many earlier items are kept before the outdated ones are swept.
	maxPast = 1_000
)

// past is an item as it was before its last write; nil if there was none.
type past struct {
	item  attribute.Item
	until time.Time
}

// keep notes an item before it is written or removed.
func (t *table) keep(id string) {
	now := t.now()
	if len(t.past) >= maxPast {
		maps.DeleteFunc(t.past, func(_ string, p past) bool { return !now.Before(p.until) })
	}
	t.past[id] = past{t.items[id], now.Add(staleness)}
}

// seen is the item that a read finds.
func (t *table) seen(id string, consistent bool) attribute.Item {
	if before, kept := t.past[id]; kept && !consistent && t.now().Before(before.until) {
		return before.item
	}
	return t.items[id]
}
