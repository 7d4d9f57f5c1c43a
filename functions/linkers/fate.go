package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/bitbucket"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/reconcile"
	"github.com/linkersync/linkersync/shared/rollout"
	"github.com/linkersync/linkersync/shared/s3object"
	"github.com/linkersync/linkersync/shared/transport"
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
	// apart: it is not begun now; it comes back as a new message, away from the others.
	apart
	// deferred: it may succeed later, so it comes back later.
	deferred
	// buried: no attempt can succeed; it goes into the dead-letter queue.
	buried
)

// fateOf decides by the error. None of the fates is left to SQS: a message that SQS
// delivers again has used up a receive, which counts against it (admit).
func fateOf(w *work, now time.Time) fate {
	switch err := w.err; {
	case errors.Is(err, errApart):
		return apart
	case err == nil && !w.begun:
		return returned
	case err == nil || skipped(err):
		return finished
	case permanent(err):
		return buried
	case unavailable(err) && young(w.message, now):
		return deferred
	case w.message.Deferred < maxRepeats:
		return deferred
	}
	return buried
}

// young tells whether a message may go on waiting. One without a date gets it when it
// is put back.
func young(message rollout.Message, now time.Time) bool {
	return message.Since.IsZero() || now.Sub(message.Since) < maxAge
}

// failures are what went wrong with an installation's linkers, each for itself.
type failures []error

func (f failures) Error() string { return errors.Join(f...).Error() }

// Unwrap returns all of them.
func (f failures) Unwrap() []error { return f }

// err is nil when nothing went wrong.
func (f failures) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// skipped: the installation needs, or may get, no work.
func skipped(err error) bool {
	return errors.Is(err, errSkipped) || errors.Is(err, bitbucket.ErrEndpointRemoved)
}

// unavailable: nobody gave a verdict. That is Bitbucket, rate limits included, AWS,
// a permission that an operator has to give, or too little time.
func unavailable(err error) bool {
	if errors.Is(err, installation.ErrNewer) {
		return false // a deployment takes minutes: who reads it later is the new release, or never
	}
	for _, passing := range []error{bitbucket.ErrUnavailable, installation.ErrUnavailable, context.DeadlineExceeded} {
		if errors.Is(err, passing) {
			return true
		}
	}
	table, refused := errors.AsType[*awsenv.Error](err)
	return refused && table.Kind != nil || isA[*s3object.StatusError](err) || isA[*url.Error](err)
}

// permanent tells errors that every further attempt would meet too. Of several
// linkers all must have one: what can pass for one of them is worth coming back.
func permanent(err error) bool {
	if several, ok := errors.AsType[failures](err); ok {
		return !slices.ContainsFunc(several, func(one error) bool { return !permanent(one) })
	}
	// Before its cause, which is only the last failure on the way.
	if left, ok := errors.AsType[*reconcile.NotConvergedError](err); ok {
		return left.Permanent()
	}
	if isA[*reconcile.PruneGuardError](err) || isA[*reconcile.ValuesError](err) || isA[*reconcile.BulkRefusedError](err) {
		return true
	}
	for _, final := range []error{
		errDied, errAlone, errAddonGone, rollout.ErrRefused, installation.ErrDamaged, installation.ErrInvalid, transport.ErrBodyTooLarge,
		bitbucket.ErrNotFound, bitbucket.ErrForbidden, bitbucket.ErrInvalid, bitbucket.ErrUnknownShape, bitbucket.ErrForeignPage,
	} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

func isA[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}
