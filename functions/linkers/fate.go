package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// maxAge bounds how long a message waits for Bitbucket or AWS: limits count over
	// an hour, and an outage of a day is for a person to look at.
	maxAge = 24 * time.Hour
	// maxRepeats bounds how often a message is put back for any other error: with the
	// growing delay about half an hour.
	maxRepeats = 6
)

// fate is what becomes of a message after its work.
type fate int

const (
	// finished: it has an outcome and leaves the queue.
	finished fate = iota
	// returned: no time was left to begin; it goes back as it came.
	returned
	// deferred: it may succeed later, so it comes back later.
	deferred
	// buried: no attempt can succeed; it goes into the dead-letter queue.
	buried
)

// fateOf decides by the error. None of the fates is left to SQS: a message that SQS
// delivers again has used up a receive, and those are for workers that die.
func fateOf(w *work, now time.Time) fate {
	switch err := w.err; {
	case !w.begun:
		return returned
	case err == nil || skipped(err):
		return finished
	case permanent(err):
		return buried
	case unavailable(err) && (w.message.Since.IsZero() || now.Sub(w.message.Since) < maxAge):
		return deferred
	case w.message.Deferred < maxRepeats:
		return deferred
	}
	return buried
}

// skipped: the installation needs, or may get, no work.
func skipped(err error) bool {
	return errors.Is(err, errSkipped) || errors.Is(err, bitbucket.ErrEndpointRemoved)
}

// unavailable: nobody gave a verdict, rate limits included.
func unavailable(err error) bool {
	return errors.Is(err, bitbucket.ErrUnavailable) || errors.Is(err, installation.ErrUnavailable)
}

// permanent tells errors that every further attempt would meet too.
func permanent(err error) bool {
	if _, guarded := errors.AsType[*reconcile.PruneGuardError](err); guarded {
		return true
	}
	if _, values := errors.AsType[*reconcile.ValuesError](err); values {
		return true
	}
	for _, final := range []error{errAlone, rollout.ErrRefused, bitbucket.ErrNotFound, bitbucket.ErrForbidden, bitbucket.ErrInvalid, bitbucket.ErrUnknownShape} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// receives is how often SQS has delivered the record; it always says so.
func receives(record events.SQSMessage) int {
	count, err := strconv.Atoi(record.Attributes["ApproximateReceiveCount"])
	if err != nil {
		return 1
	}
	return count
}
