package sqs

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

// maxVisibility is how long a message may be hidden after it was received, all
// extensions together.
const maxVisibility = 12 * time.Hour

// receiptHandle names one delivery of a message.
func (m *message) receiptHandle(q *queue) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s %d %d", q.name, m.number, m.handle))
}

// byHandle returns the message of a receipt handle, nil when it is deleted, and
// whether the handle is of the last delivery.
func (q *queue) byHandle(handle string) (m *message, last bool, err error) {
	if handle == "" {
		return nil, false, wire.Refuse(missingParameter, "The request must contain the parameter ReceiptHandle.")
	}
	var name string
	var number, delivery int
	raw, err := base64.StdEncoding.DecodeString(handle)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%s %d %d", &name, &number, &delivery)
	}
	if err != nil || name != q.name {
		return nil, false, wire.Refuse(invalidHandle, "The input receipt handle is invalid.")
	}
	m = q.messages[number]
	return m, m != nil && m.handle == delivery, nil
}

// delete removes a message by its last receipt handle. With an older one SQS says
// that it did and keeps the message.
func (q *queue) delete(handle string) error {
	m, last, err := q.byHandle(handle)
	if err != nil {
		return err
	}
	if last {
		q.remove(m)
	}
	return nil
}

type deleteEntry struct {
	ID            string `json:"Id"`
	ReceiptHandle string
}

type deleteBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []deleteEntry
}

func (s *Service) deleteMessageBatch(_ context.Context, in deleteBatchInput) (*batchOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.ID
	}
	if err := validBatch(ids); err != nil {
		return nil, err
	}
	return each(ids, func(i int) (any, error) { return done{ids[i]}, q.delete(in.Entries[i].ReceiptHandle) }), nil
}

type visibilityInput struct {
	QueueURL          string `json:"QueueUrl"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

func (s *Service) changeMessageVisibility(_ context.Context, in visibilityInput) (any, error) {
	if in.VisibilityTimeout == nil {
		return nil, wire.Refuse(missingParameter, "The request must contain the parameter VisibilityTimeout.")
	}
	if *in.VisibilityTimeout < 0 || *in.VisibilityTimeout > 43200 {
		return nil, wire.Refuse(invalidParameter, "Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.", *in.VisibilityTimeout)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	m, last, err := q.byHandle(in.ReceiptHandle)
	if err != nil {
		return nil, err
	}
	if !last {
		return nil, wire.Refuse(invalidParameter, "Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", in.ReceiptHandle)
	}
	now := s.cloud.Now()
	if !m.visibleAt.After(now) {
		return nil, nil // its time ran out: SQS says yes and leaves it visible
	}
	visibleAt := now.Add(time.Duration(*in.VisibilityTimeout) * time.Second)
	if visibleAt.Sub(m.received) > maxVisibility {
		return nil, wire.Refuse(invalidParameter, "Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].", *in.VisibilityTimeout)
	}
	q.showAt(m, visibleAt)
	s.wake()
	return nil, nil
}
