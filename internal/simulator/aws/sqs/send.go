package sqs

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

const maxEntries = 10

type sendInput struct {
	QueueURL string `json:"QueueUrl"`
	content
}

type sent struct {
	MessageID        string `json:"MessageId"`
	MD5OfMessageBody string `json:"MD5OfMessageBody"`
}

func (s *Service) sendMessage(_ context.Context, in sendInput) (*sent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return s.send(q, in.content)
}

func (s *Service) send(q *queue, c content) (*sent, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	now := s.cloud.Now()
	m := &message{id: loopback.UUID(), body: c.MessageBody, attributes: c.MessageAttributes, sent: now, visibleAt: now.Add(time.Duration(c.DelaySeconds) * time.Second)}
	q.add(m)
	s.wake()
	return &sent{m.id, bodySum(m.body)}, nil
}

type sendEntry struct {
	ID string `json:"Id"`
	content
}

type sendBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []sendEntry
}

type batchOutput struct {
	Successful []any    `json:"Successful"`
	Failed     []failed `json:"Failed"`
}

// failed is an entry of a batch that was refused while others were taken.
type failed struct {
	ID          string `json:"Id"`
	SenderFault bool   `json:"SenderFault"`
	Code        string `json:"Code"`
	Message     string `json:"Message"`
}

type sentEntry struct {
	ID string `json:"Id"`
	*sent
}

type done struct {
	ID string `json:"Id"`
}

func (s *Service) sendMessageBatch(_ context.Context, in sendBatchInput) (*batchOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	total := 0
	ids := make([]string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.ID
		total += entry.size()
	}
	if err := validBatch(ids); err != nil {
		return nil, err
	}
	if total > maxMessage {
		return nil, wire.Refuse("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessage, total)
	}
	return each(ids, func(i int) (any, error) {
		out, err := s.send(q, in.Entries[i].content)
		return sentEntry{ids[i], out}, err
	}), nil
}

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// validBatch checks what makes SQS refuse a batch as a whole.
func validBatch(ids []string) error {
	if len(ids) == 0 {
		return wire.Refuse("EmptyBatchRequest", "There should be at least one entry in the request.")
	}
	if len(ids) > maxEntries {
		return wire.Refuse("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxEntries, len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !entryID.MatchString(id) {
			return wire.Refuse("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return wire.Refuse("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// each does one entry after the other and sorts the results.
func each(ids []string, do func(i int) (any, error)) *batchOutput {
	out := &batchOutput{Successful: []any{}, Failed: []failed{}}
	for i, id := range ids {
		result, err := do(i)
		var refusal *wire.Error
		if errors.As(err, &refusal) {
			out.Failed = append(out.Failed, failed{id, true, refusal.Code, refusal.Message})
			continue
		}
		out.Successful = append(out.Successful, result)
	}
	return out
}
