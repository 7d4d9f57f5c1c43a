package main

import (
	"errors"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/shared/rollout"
)

// maxDeaths is how many deliveries may end without an answer. The next one, which is
// the last that SQS permits (maxReceiveCount in template.yaml), goes into burying the
// message with its reason: SQS itself would move it aside without a word, and its run
// would wait for it for ever.
const maxDeaths = 4

var (
	errDied = errors.New("no delivery of it ever came to an end: its worker died, look for time-outs and memory in the function's log")
	// errApart keeps a message that may kill its worker away from others, which
	// would die with it each time.
	errApart = errors.New("its worker died, perhaps of another message: it comes back for a batch of its own")
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
// Receives count only workers that died: what is put back is a new message.
func (h *handler) admit(record events.SQSMessage, alone bool) *work {
	w := &work{record: record}
	if w.message, w.err = decode([]byte(record.Body)); w.err != nil {
		return w
	}
	w.applied = rollout.Applied{Run: w.message.Run, App: h.app, ClientKey: w.message.ClientKey, Task: w.message.Task}
	died := receives(record) - 1
	w.message.Died += died
	switch {
	case w.message.Died >= maxDeaths:
		w.err = errDied
	case died > 0 && !alone:
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
