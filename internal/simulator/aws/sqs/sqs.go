// Package sqs simulates Amazon SQS's standard queues over its JSON protocol:
// visibility, long polling, batches, retention, and the move to a
// dead-letter queue. On demand it also does what a standard queue may do at any
// time: deliver twice, and out of order ([Service.Misbehave]).
//
// FIFO queues are not simulated.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
package sqs

import (
	"context"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// The types of SQS's refusals.
const (
	invalidParameter = "InvalidParameterValue"
	missingParameter = "MissingParameter"
	invalidHandle    = "ReceiptHandleIsInvalid"
)

// Service holds the queues of one account and region. It is safe for concurrent use.
type Service struct {
	cloud wire.Cloud

	mu     sync.Mutex
	queues map[string]*queue
	// changed is closed and replaced whenever a message may have become available,
	// for those who poll.
	changed chan struct{}
}

// New returns a service without queues.
func New(cloud wire.Cloud) *Service {
	return &Service{cloud: cloud, queues: map[string]*queue{}, changed: make(chan struct{})}
}

// API returns the service behind its protocol.
func (s *Service) API() *wire.JSON {
	return &wire.JSON{
		Signing: "sqs", Prefix: "AmazonSQS", Version: "1.0", Namespace: "com.amazonaws.sqs",
		QueryErrors: map[string]string{
			"QueueDoesNotExist":            "AWS.SimpleQueueService.NonExistentQueue",
			"QueueNameExists":              "QueueAlreadyExists",
			"EmptyBatchRequest":            "AWS.SimpleQueueService.EmptyBatchRequest",
			"TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
			"BatchEntryIdsNotDistinct":     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
			"BatchRequestTooLong":          "AWS.SimpleQueueService.BatchRequestTooLong",
			"InvalidBatchEntryId":          "AWS.SimpleQueueService.InvalidBatchEntryId",
		},
		Operations: map[string]wire.Operation{
			"ChangeMessageVisibility": wire.Operate(s.changeMessageVisibility),
			"CreateQueue":             wire.Operate(s.createQueue),
			"DeleteMessageBatch":      wire.Operate(s.deleteMessageBatch),
			"GetQueueAttributes":      wire.Operate(s.getQueueAttributes),
			"ReceiveMessage":          wire.Operate(s.receiveMessage),
			"SendMessage":             wire.Operate(s.sendMessage),
			"SendMessageBatch":        wire.Operate(s.sendMessageBatch),
			"StartMessageMoveTask":    wire.Operate(s.startMessageMoveTask),
		},
	}
}

// Wake makes those who poll look at the clock again. Call it after moving an
// injected clock.
func (s *Service) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake()
}

func (s *Service) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Misbehaviour is what a standard queue is allowed to do and seldom does.
type Misbehaviour struct {
	// Duplicate is the share (0 to 1) of receives after which the message is
	// delivered once more, even if it's deleted in time. The copy has a receipt
	// handle of its own.
	Duplicate float64
	// Reorder delivers available messages in random order.
	Reorder bool
	// Seed makes the choices repeatable.
	Seed uint64
}

// Misbehave sets what the queue does from now on; the zero value is good behaviour.
// It panics when there is no such queue.
func (s *Service) Misbehave(queue string, m Misbehaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	//nolint:gosec // G404: repeatable from a seed, not unpredictable.
	s.queues[queue].misbehaviour, s.queues[queue].rng = m, rand.New(rand.NewPCG(m.Seed, m.Seed))
}

// Message is a message as it lies in a queue.
type Message struct {
	ID, Body string
	// Attributes has the string values of the message attributes.
	Attributes map[string]string
	// Receives is the ApproximateReceiveCount.
	Receives int
	// VisibleAt is when the message can be received next.
	VisibleAt time.Time
}

// Messages returns what is in a queue, those in flight included, in order
// of sending, without receiving it. It returns nil for an unknown queue.
func (s *Service) Messages(queue string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.queues[queue]
	if found == nil {
		return nil
	}
	found.expire(s.cloud.Now())
	var messages []Message
	for _, m := range found.bySending() {
		out := Message{ID: m.id, Body: m.body, Attributes: map[string]string{}, Receives: m.receives, VisibleAt: m.visibleAt}
		for name, attribute := range m.attributes {
			out.Attributes[name] = attribute.StringValue
		}
		messages = append(messages, out)
	}
	return messages
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

type createInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type urlOutput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) createQueue(ctx context.Context, in createInput) (*urlOutput, error) {
	if strings.HasSuffix(in.QueueName, ".fifo") {
		return nil, wire.Missing("kind of queue", ".fifo")
	}
	if !queueName.MatchString(in.QueueName) {
		return nil, wire.Refuse(invalidParameter, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := newQueue(in.QueueName)
	if err := s.configure(fresh, in.Attributes); err != nil {
		return nil, err
	}
	if old := s.queues[in.QueueName]; old == nil {
		s.queues[in.QueueName] = fresh
	} else if old.settings != fresh.settings {
		return nil, wire.Refuse("QueueNameExists", "A queue already exists with the same name and a different value for an attribute")
	}
	return &urlOutput{s.url(ctx, in.QueueName)}, nil
}

func errNoQueue() error {
	return wire.Refuse("QueueDoesNotExist", "The specified queue does not exist.")
}

func (s *Service) url(ctx context.Context, name string) string {
	return wire.BaseURL(ctx) + "/" + s.cloud.Account + "/" + name
}

// find returns the queue of a URL. The host doesn't matter: a client may reach
// the server by another name than the one that created the queue.
func (s *Service) find(queueURL string) (*queue, error) {
	if queueURL == "" {
		return nil, wire.Refuse(missingParameter, "The request must contain the parameter QueueUrl.")
	}
	parsed, err := url.Parse(queueURL)
	if err != nil {
		return nil, errNoQueue()
	}
	parts := strings.Split(strings.TrimPrefix(parsed.Path, "/"), "/")
	if len(parts) != 2 || parts[0] != s.cloud.Account || s.queues[parts[1]] == nil {
		return nil, errNoQueue()
	}
	found := s.queues[parts[1]]
	found.expire(s.cloud.Now())
	return found, nil
}
