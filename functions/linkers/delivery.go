package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/shared/failure"
	"github.com/linkersync/linkersync/shared/queue"
	"github.com/linkersync/linkersync/shared/removal"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// maxAge bounds how long a message waits for Bitbucket or AWS: limits count over
	// an hour, and an outage of a day is for a person to look at.
	maxAge = 24 * time.Hour
	// installationAge bounds how long a message waits when something is wrong with its
	// installation alone: an incident of Bitbucket's took 45 minutes.
	installationAge = 2 * time.Hour
	// maxUnanswered is how many attempts in a row may end without an answer, after the
	// first: their worker died, or Lambda ended it.
	maxUnanswered = 3
	// firstPause doubles with every delivery, up to maxPause.
	firstPause = 30 * time.Second
	maxPause   = 15 * time.Minute
	// maxAsked is the longest pause that Bitbucket may ask for. Its limits count over an hour.
	maxAsked = time.Hour
)

var (
	// errSkipped: the installation needs no work any more. Its text says why.
	errSkipped = errors.New("skipped")
	// errWaits: the linker endpoints may be gone, so the message waits for the probe.
	errWaits = errors.New("waiting")
	// errPassed: the linker endpoints were gone for a moment.
	errPassed = errors.New("try again")
	// errUnanswered: see maxUnanswered.
	errUnanswered = errors.New("no attempt came to an end: look for time-outs and memory in the function's log")
)

// delivery is one message as SQS delivered it.
type delivery struct {
	record  events.SQSMessage
	message queue.Message
	applied rollout.Applied
	now     time.Time
}

// next is what becomes of a message after an attempt.
type next int

const (
	// finish: the message has an outcome.
	finish next = iota
	// wait: the message may succeed later.
	wait
	// deadLetter: no attempt can succeed. The outcome is a failure.
	deadLetter
)

// next decides by the attempt's error.
func (d delivery) next(err error) next {
	if err == nil || errors.Is(err, errSkipped) {
		return finish
	}
	if errors.Is(err, errUnanswered) {
		return deadLetter
	}
	if errors.Is(err, errWaits) {
		return wait // the watch bounds it
	}
	limit := maxAge
	switch failure.KindOf(err) {
	case failure.Permanent:
		return deadLetter
	case failure.ThisInstallation:
		if !errors.Is(err, errPassed) {
			limit = installationAge
		}
	}
	if d.age() >= limit {
		return deadLetter
	}
	return wait
}

// age is how long ago the message was queued.
func (d delivery) age() time.Duration {
	since := d.message.Since
	if since.IsZero() { // queued by hand
		sent, err := strconv.ParseInt(d.record.Attributes["SentTimestamp"], 10, 64)
		if err != nil {
			return 0
		}
		since = time.UnixMilli(sent)
	}
	return d.now.Sub(since)
}

// receives is how often SQS has delivered the message; it always says so.
func (d delivery) receives() int {
	count, err := strconv.Atoi(d.record.Attributes["ApproximateReceiveCount"])
	if err != nil {
		return 1
	}
	return count
}

// pause is how long the message waits: as long as Bitbucket asked, or growing. Pauses
// are jittered, so that messages which failed together don't come back together.
func (d delivery) pause(err error) time.Duration {
	least := min(maxPause, firstPause<<min(d.receives()-1, 10)) / 2
	if asked := min(failure.RetryAfter(err), maxAsked); asked > least {
		return asked + rand.N(asked/10+time.Second) //nolint:gosec // G404: pauses must differ, not be unpredictable
	}
	if errors.Is(err, errWaits) {
		least = removal.ProbeEvery
		return least + rand.N(least/2) //nolint:gosec // G404: see above
	}
	return least + rand.N(least) //nolint:gosec // G404: see above
}

// reason is the text of a dead letter.
func (d delivery) reason(err error) string {
	if age := d.age(); age >= installationAge {
		return fmt.Sprintf("it did not succeed within %s: %s", age.Round(time.Minute), err)
	}
	return err.Error()
}
