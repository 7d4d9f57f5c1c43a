package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/rollout"
)

const (
	// sendParallel batches are under way at a time: a page of a hundred at once.
	sendParallel = 10
	// sendAttempts is how often entries that SQS refused by itself are sent again.
	sendAttempts = 4
)

// queue sends messages to the workers.
type queue struct {
	sqs rollout.Caller
	url string
}

// batch is a SendMessageBatch call, and refusals what its answer says went wrong.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
type batch struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []entry
}

type entry struct {
	ID          string `json:"Id"`
	MessageBody string
}

type refusals struct {
	Failed []struct {
		ID   string `json:"Id"`
		Code string
	}
}

func (r refusals) has(id string) bool {
	for _, failed := range r.Failed {
		if failed.ID == id {
			return true
		}
	}
	return false
}

// send queues every message or returns an error; messages may then be queued
// twice by the next attempt, which workers don't mind.
func (q *queue) send(ctx context.Context, messages []rollout.Message) error {
	entries := make([]entry, len(messages))
	for i, message := range messages {
		body, err := json.Marshal(message)
		if err != nil {
			return fmt.Errorf("encode message: %w", err)
		}
		entries[i] = entry{ID: strconv.Itoa(i), MessageBody: string(body)}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sendParallel)
	size := func(e entry) int { return len(e.MessageBody) }
	for some := range rollout.Batches(entries, size) {
		group.Go(func() error { return q.sendBatch(ctx, some) })
	}
	return group.Wait()
}

func (q *queue) sendBatch(ctx context.Context, entries []entry) error {
	count := len(entries)
	var code string
	for range sendAttempts {
		var out refusals
		if err := q.sqs.Call(ctx, "SendMessageBatch", batch{q.url, entries}, &out); err != nil {
			return fmt.Errorf("queue messages: %w", awsenv.Cut(err))
		}
		if len(out.Failed) == 0 {
			return nil
		}
		code = out.Failed[0].Code
		entries = slices.DeleteFunc(entries, func(e entry) bool { return !out.has(e.ID) })
	}
	return fmt.Errorf("queue messages: SQS refused %d of %d (%s)", len(entries), count, code)
}
