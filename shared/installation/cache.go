package installation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/linkersync/linkersync/shared/awsenv"
)

const (
	// rereadInterval is the least time between two reads of one client key that are
	// caused by requests with a wrong signature.
	rereadInterval = time.Minute
	// unknownTTL is how long an unknown client key is remembered as such. A shorter
	// time would let forged requests in its name cause more reads. An installation that
	// another process made meanwhile is read again for a request with a valid signature.
	unknownTTL = rereadInterval
	// unknownPerSecond and unknownBurst bound the reads of all client keys that this
	// process doesn't know to exist: anybody can make up such keys.
	unknownPerSecond, unknownBurst = 2, 120
	// failuresPerSecond and failureBurst bound the reads that fail, each with the
	// retries of the client: while AWS doesn't answer, a forged request costs no more
	// than the answer to it.
	failuresPerSecond, failureBurst = 0.1, 5
	// loadTimeout bounds a read that several callers wait for, past the deadline of
	// the one who started it.
	loadTimeout = 15 * time.Second
)

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
	known *lru[*entry]
	// unknown has a bound of its own, so that a flood of invented client keys
	// can't push real installations out.
	unknown *lru[*entry]
	// spent is when a bad request last caused a read. It outlives the entry that the
	// read made.
	spent *lru[time.Time]
	// unknownReads and failedReads are the budgets of reads for requests that aren't
	// known to be genuine; failure is the last failed read's error.
	unknownReads, failedReads *rate.Limiter
	failure                   error
	// epoch counts this process's writes. A read that began before one must not
	// bring back what the write replaced.
	epoch uint64
}

// entry is what was read, or written.
type entry struct {
	in   Installation
	err  error // that there is none
	read time.Time
	// suspect: it was read for a request that is not known to be genuine yet.
	suspect bool
}

// purpose is what a look-up is for.
type purpose int

const (
	forUse   purpose = iota // for a caller that needs no proof
	forProof                // to check a request with it
	forDoubt                // to check a request again that didn't fit
)

func newCache(load loader, ttl time.Duration, size int, now func() time.Time) *cache {
	return &cache{
		load: load, ttl: ttl, now: now,
		known: newLRU[*entry](size), unknown: newLRU[*entry](size), spent: newLRU[time.Time](size),
		unknownReads: rate.NewLimiter(unknownPerSecond, unknownBurst), failedReads: rate.NewLimiter(failuresPerSecond, failureBurst),
	}
}

// find looks up what fits a request. A look-up that the request itself has caused
// is younger than the request, so when that doesn't fit it isn't made again, and
// counts as the one read that a bad request may cause in a minute. One that was
// made for a genuine request doesn't count.
func (c *cache) find(ctx context.Context, clientKey string, fits func(Installation) bool) (Installation, error) {
	in, err := c.look(ctx, clientKey, forProof)
	if err != nil && !isAbsent(err) {
		return in, err
	}
	if fits(in) {
		c.trust(clientKey)
		return in, err
	}
	again, err := c.look(ctx, clientKey, forDoubt)
	// Most look-ups bring nothing new; then garbage costs no second check.
	if (err == nil || isAbsent(err)) && again.Version != in.Version {
		fits(again)
	}
	return again, err
}

// look answers from memory, or reads.
func (c *cache) look(ctx context.Context, clientKey string, why purpose) (Installation, error) {
	if in, ok, err := c.recall(clientKey, why); ok {
		return in, err
	}
	return c.share(ctx, clientKey, func(ctx context.Context) (Installation, error) {
		// Another read may have ended between the two looks.
		if in, ok, err := c.recall(clientKey, why); ok {
			return in, err
		}
		return c.fill(ctx, clientKey, why)
	})
}

// share runs load once for all who ask for the same client key at the same time.
// It runs independently of the request that started it, so that a request that
// ends early doesn't fail the others.
func (c *cache) share(ctx context.Context, clientKey string, load func(context.Context) (Installation, error)) (Installation, error) {
	result := c.flights.DoChan(clientKey, func() (any, error) {
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
func (c *cache) fill(ctx context.Context, clientKey string, why purpose) (Installation, error) {
	epoch, err := c.admit(clientKey, why)
	if err != nil {
		return Installation{}, err
	}
	in, err := c.load(ctx, clientKey)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && !isAbsent(err) {
		if isOutage(err) {
			c.failedReads.AllowN(c.now(), 1)
			c.failure = err
		}
		return in, err // nothing is known, so the next request may ask
	}
	if why == forDoubt {
		c.spent.put(clientKey, c.now())
	}
	if c.epoch == epoch {
		c.store(clientKey, entry{in: in, err: err, suspect: why == forProof})
	}
	return in, err
}

// admit tells whether the budgets allow a read, and returns the epoch it begins in.
func (c *cache) admit(clientKey string, why purpose) (epoch uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if why == forUse {
		return c.epoch, nil
	}
	if c.failedReads.TokensAt(c.now()) < 1 {
		return 0, fmt.Errorf("%w; Secrets Manager is not asked again for some seconds", c.failure)
	}
	_, exists := c.known.get(clientKey)
	if !exists && !c.unknownReads.AllowN(c.now(), 1) {
		return 0, &Error{Op: "read installation", Subject: clientKey, Kind: ErrTooManyUnknown}
	}
	return c.epoch, nil
}

// recall returns what is remembered and good enough for the purpose.
func (c *cache) recall(clientKey string, why purpose) (in Installation, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.fresh(clientKey)
	if why == forDoubt {
		if ok && found.suspect {
			c.spent.put(clientKey, found.read)
		}
		last, spent := c.spent.get(clientKey)
		ok = ok && spent && c.now().Sub(last) < rereadInterval
	}
	if !ok {
		return Installation{}, false, nil
	}
	return found.in, true, found.err
}

// fresh is called with mu held.
func (c *cache) fresh(clientKey string) (*entry, bool) {
	if found, ok := c.known.get(clientKey); ok && c.now().Sub(found.read) < c.ttl {
		return found, true
	}
	found, ok := c.unknown.get(clientKey)
	return found, ok && c.now().Sub(found.read) < min(unknownTTL, c.ttl)
}

// trust notes that a genuine request was answered from what is remembered.
func (c *cache) trust(clientKey string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.fresh(clientKey); ok {
		found.suspect = false
	}
}

// wrote remembers what this process wrote.
func (c *cache) wrote(in Installation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overtake(in.ClientKey)
	c.store(in.ClientKey, entry{in: in})
}

// forget makes the next look-up read.
func (c *cache) forget(clientKey string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overtake(clientKey)
	c.known.remove(clientKey)
	c.unknown.remove(clientKey)
}

// overtake keeps reads under way from being remembered, and from being shared by
// who asks from now on. It is called with mu held.
func (c *cache) overtake(clientKey string) {
	c.epoch++
	c.flights.Forget(clientKey)
}

// store is called with mu held.
func (c *cache) store(clientKey string, read entry) {
	read.read = c.now()
	into, other := c.known, c.unknown
	if read.err != nil {
		into, other = other, into
	}
	into.put(clientKey, &read)
	other.remove(clientKey)
}

// isAbsent tells an answer from a failure: there is no such installation.
func isAbsent(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrPendingDeletion)
}

// isOutage tells whether the read of any other installation would fail as well.
func isOutage(err error) bool {
	return errors.Is(err, awsenv.ErrThrottled) || errors.Is(err, awsenv.ErrServer) || errors.Is(err, awsenv.ErrUnreachable)
}
