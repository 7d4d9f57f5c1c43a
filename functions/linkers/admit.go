package main

import (
	"errors"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/shared/rollout"
)

// Nobody can tell why a delivery ended without an answer: its worker died, of this
// message or of another in the batch, or Lambda never started one, because it throttled
// the function. Each uses a receive.
const (
	// maxUnanswered is how many deliveries may end so. Then the message goes back once
	// more, as a new one, because it may never have been begun. SQS itself would move it
	// aside without a word, and its run would wait for it for ever: maxReceiveCount in
	// template.yaml has to be larger.
	maxUnanswered = 3
	// lastChances is how many deliveries of that new one may end so before it is buried
	// with its reason: one alone could have died of another message.
	lastChances = 2
)

var (
	errDied = errors.New("no delivery of it ever came to an end: its worker died, look for time-outs and memory in the function's log, " +
		"or Lambda throttled the function, look at its metric Throttles")
	// errApart keeps a message that may kill its worker away from those that it came
	// with, which would die with it each time.
	errApart = errors.New("an earlier delivery of it came to no end: its worker died, perhaps of another message, or Lambda throttled the function; " +
		"it comes back apart from the others")
)

// work is one record on its way through a batch.
type work struct {
	record  events.SQSMessage
	message rollout.Message
	applied rollout.Applied
	err     error
	// begun is false for a record that there was no time for.
	begun bool
}

// admit decodes a record and tells by its error that it is not to be worked on.
// Receives count only deliveries without an answer: what is put back is a new message.
func (h *handler) admit(record events.SQSMessage, alone bool) *work {
	w := &work{record: record}
	if w.message, w.err = decode([]byte(record.Body)); w.err != nil {
		return w
	}
	w.applied = rollout.Applied{Run: w.message.Run, App: h.app, ClientKey: w.message.ClientKey, Task: w.message.Task}
	unanswered := receives(record) - 1
	last := w.message.Died >= maxUnanswered
	w.message.Died += unanswered
	switch {
	case unanswered == 0:
	case last && w.message.Died >= maxUnanswered+lastChances:
		w.err = errDied
	case !last && w.message.Died >= maxUnanswered:
		w.message.Died, w.err = maxUnanswered, errApart // its last chances begin now
	case !alone:
		w.err = errApart
	}
	return w
}

// receives is how often SQS has delivered the record; it always says so.
func receives(record events.SQSMessage) int {
	count, err := strconv.Atoi(record.Attributes["ApproximateReceiveCount"])
	if err != nil {
		return 1
	}
	return count
}
