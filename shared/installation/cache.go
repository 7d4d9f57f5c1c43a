package installation

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// unknownTTL is how long an unknown client key is remembered as such. It is
	// short, because an installation made by another process becomes visible here
	// only afterwards.
	unknownTTL = 30 * time.Second
	// rereadInterval is the least time between two forced reads of one client key:
	// anybody can cause them by sending garbage.
	rereadInterval = time.Minute
	// loadTimeout bounds a read that several callers wait for, past the deadline of
	// the one who started it.
	loadTimeout = 15 * time.Second
)

// errReread tells that a forced read is not due yet.
var errReread = errors.New("read again within the minute")

// loader reads one installation from AWS.
type loader func(ctx context.Context, clientKey string) (Installation, error)

// cache keeps what was read, and lets callers who want the same key at the same
// time share one read.
type cache struct {
	load loader
	ttl  time.Duration
	now  func() time.Time

	flights singleflight.Group

	mu    sync.Mutex
	known *lru[known]
	// unknown has a bound of its own, so that a flood of invented client keys
	// can't push real installations out.
	unknown *lru[unknown]
	// reread has the times of forced reads; it outlives the entries it is about.
	reread *lru[time.Time]
	// epoch counts this process's writes. A read that began before one must not
	// bring back what the write replaced.
	epoch uint64
}

type known struct {
	Installation
	read time.Time
}

type unknown struct {
	err  error
	read time.Time
}

func newCache(load loader, ttl time.Duration, size int, now func() time.Time) *cache {
	return &cache{
		load: load, ttl: ttl, now: now,
		known: newLRU[known](size), unknown: newLRU[unknown](size), reread: newLRU[time.Time](size),
	}
}

// get answers from the cache, or reads.
func (c *cache) get(ctx context.Context, clientKey string) (Installation, error) {
	if in, ok, err := c.fresh(clientKey); ok {
		return in, err
	}
	return c.share(ctx, "get "+clientKey, func(ctx context.Context) (Installation, error) {
		return c.fill(ctx, clientKey)
	})
}

// again reads past the cache when that is due, and answers as get otherwise.
func (c *cache) again(ctx context.Context, clientKey string) (Installation, error) {
	// The limit is checked inside the flight: who comes while a forced read is
	// under way waits for its result instead of getting what it is about to replace.
	in, err := c.share(ctx, "reread "+clientKey, func(ctx context.Context) (Installation, error) {
		if !c.due(clientKey) {
			return Installation{}, errReread
		}
		in, err := c.fill(ctx, clientKey)
		if errors.Is(err, ErrUnavailable) {
			// Nothing was learnt, so the next request may ask.
			c.mu.Lock()
			c.reread.remove(clientKey)
			c.mu.Unlock()
		}
		return in, err
	})
	if errors.Is(err, errReread) {
		return c.get(ctx, clientKey)
	}
	return in, err
}

// share runs load once for all who ask with the same name at the same time. It
// runs apart from the asking request: whoever started it may hang up without
// failing the others.
func (c *cache) share(ctx context.Context, name string, load func(context.Context) (Installation, error)) (Installation, error) {
	result := c.flights.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return load(ctx)
	})
	select {
	case <-ctx.Done():
		return Installation{}, &Error{Op: "read installation", Kind: context.Cause(ctx)}
	case answer := <-result:
		in, _ := answer.Val.(Installation)
		return in, answer.Err
	}
}

// fill reads and remembers the result, also when it is that there is nothing.
func (c *cache) fill(ctx context.Context, clientKey string) (Installation, error) {
	c.mu.Lock()
	epoch := c.epoch
	c.mu.Unlock()
	in, err := c.load(ctx, clientKey)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch == epoch {
		c.store(clientKey, in, err)
	}
	return in, err
}

// fresh returns what is remembered and not too old.
func (c *cache) fresh(clientKey string) (in Installation, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, found := c.known.get(clientKey); found && c.now().Sub(entry.read) < c.ttl {
		return entry.Installation, true, nil
	}
	if entry, found := c.unknown.get(clientKey); found && c.now().Sub(entry.read) < min(unknownTTL, c.ttl) {
		return Installation{}, true, entry.err
	}
	return Installation{}, false, nil
}

// due tells whether a forced read may be made now, and takes note of it.
func (c *cache) due(clientKey string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if last, found := c.reread.get(clientKey); found && now.Sub(last) < rereadInterval {
		return false
	}
	c.reread.put(clientKey, now)
	return true
}

// wrote remembers what this process wrote.
func (c *cache) wrote(in Installation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.store(in.ClientKey, in, nil)
}

// forget makes the next look-up read.
func (c *cache) forget(clientKey string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.known.remove(clientKey)
	c.unknown.remove(clientKey)
}

// store is called with mu held. An error that says nothing about the
// installation changes nothing.
func (c *cache) store(clientKey string, in Installation, err error) {
	switch {
	case err == nil:
		c.known.put(clientKey, known{in, c.now()})
		c.unknown.remove(clientKey)
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrPendingDeletion):
		c.unknown.put(clientKey, unknown{err, c.now()})
		c.known.remove(clientKey)
	}
}
