package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
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

// batchSender is the part of the SQS client that queue uses.
type batchSender interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// queue sends messages to the workers.
type queue struct {
	api batchSender
	url string
}

// send queues every message or returns an error; messages may then be queued
// twice by the next attempt, which workers don't mind.
func (q *queue) send(ctx context.Context, messages []rollout.Message) error {
	entries := make([]types.SendMessageBatchRequestEntry, len(messages))
	for i, message := range messages {
		body, err := json.Marshal(message)
		if err != nil {
			return fmt.Errorf("encode message: %w", err)
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body))}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sendParallel)
	size := func(entry types.SendMessageBatchRequestEntry) int { return len(*entry.MessageBody) }
	for batch := range rollout.Batches(entries, size) {
		group.Go(func() error { return q.sendBatch(ctx, batch) })
	}
	return group.Wait()
}

func (q *queue) sendBatch(ctx context.Context, entries []types.SendMessageBatchRequestEntry) error {
	count := len(entries)
	var code string
	for range sendAttempts {
		out, err := q.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			return fmt.Errorf("queue messages: %w", awsenv.Cut(err))
		}
		if len(out.Failed) == 0 {
			return nil
		}
		code = aws.ToString(out.Failed[0].Code)
		entries = slices.DeleteFunc(entries, func(entry types.SendMessageBatchRequestEntry) bool {
			return !slices.ContainsFunc(out.Failed, func(failed types.BatchResultErrorEntry) bool {
				return aws.ToString(failed.Id) == aws.ToString(entry.Id)
			})
		})
	}
	return fmt.Errorf("queue messages: SQS refused %d of %d (%s)", len(entries), count, code)
}
