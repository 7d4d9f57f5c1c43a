package sqs

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

type moveInput struct {
	SourceARN                    string `json:"SourceArn"`
	DestinationARN               string `json:"DestinationArn"`
	MaxNumberOfMessagesPerSecond *int
}

type moveOutput struct {
	TaskHandle string
}

// startMessageMoveTask moves what can be received of a dead-letter queue. It is done
// when the call returns, while AWS takes its time.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
func (s *Service) startMessageMoveTask(_ context.Context, in moveInput) (*moveOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	source := s.byARN(in.SourceARN)
	if source == nil {
		return nil, wire.Refuse("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	if !s.isDeadLetterQueue(in.SourceARN) {
		return nil, wire.Refuse(invalidParameter, "Source queue must be configured as a Dead Letter Queue.")
	}
	if in.DestinationARN == "" {
		return nil, wire.Missing("move of messages", "back to where each came from")
	}
	destination := s.byARN(in.DestinationARN)
	if destination == nil {
		return nil, wire.Refuse("ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist.")
	}
	now := s.cloud.Now()
	for m := source.next(now); m != nil; m = source.next(now) {
		source.remove(m)
		moved := *m
		// A moved message is a new one: it has the time of its move.
		moved.receives, moved.handle, moved.first, moved.source = 0, 0, time.Time{}, ""
		moved.sent, moved.visibleAt = now, now
		destination.add(&moved)
	}
	s.wake()
	return &moveOutput{base64.StdEncoding.EncodeToString([]byte(loopback.UUID()))}, nil
}

// isDeadLetterQueue tells whether some queue gives its messages up to this one.
func (s *Service) isDeadLetterQueue(arn string) bool {
	for _, q := range s.queues {
		if q.settings.deadLetters == arn {
			return true
		}
	}
	return false
}
