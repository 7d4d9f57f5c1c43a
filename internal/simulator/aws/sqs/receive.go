package sqs

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

type receiveInput struct {
	QueueURL                    string `json:"QueueUrl"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	MessageAttributeNames       []string
	MessageSystemAttributeNames []string
}

type receiveOutput struct {
	Messages []received `json:"Messages,omitempty"`
}

type received struct {
	MessageID         string               `json:"MessageId"`
	ReceiptHandle     string               `json:"ReceiptHandle"`
	Body              string               `json:"Body"`
	MD5OfBody         string               `json:"MD5OfBody"`
	Attributes        map[string]string    `json:"Attributes,omitempty"`
	MessageAttributes map[string]attribute `json:"MessageAttributes,omitempty"`
}

func (s *Service) receiveMessage(ctx context.Context, in receiveInput) (*receiveOutput, error) {
	wait, err := s.validReceive(in)
	if err != nil {
		return nil, err
	}
	until := s.cloud.Now().Add(wait)
	// The wait also ends by the real clock, since an injected one may stand still.
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		s.mu.Lock()
		out, next, err := s.receive(in)
		changed := s.changed
		s.mu.Unlock()
		now := s.cloud.Now()
		if err != nil || len(out.Messages) > 0 || !now.Before(until) {
			return out, err
		}
		timer := time.NewTimer(max(next.Sub(now), time.Millisecond))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return out, nil
		}
		timer.Stop()
	}
}

// validReceive checks the numbers and returns how long to wait for a message.
func (s *Service) validReceive(in receiveInput) (time.Duration, error) {
	for _, number := range []struct {
		name      string
		value     *int
		low, high int
	}{
		{"MaxNumberOfMessages", in.MaxNumberOfMessages, 1, maxEntries},
		{"VisibilityTimeout", in.VisibilityTimeout, 0, 43200},
		{"WaitTimeSeconds", in.WaitTimeSeconds, 0, 20},
	} {
		if number.value != nil && (*number.value < number.low || *number.value > number.high) {
			return 0, wire.Refuse(invalidParameter, "Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.", *number.value, number.name, number.low, number.high)
		}
	}
	for _, name := range in.MessageAttributeNames {
		if name != "All" {
			return 0, wire.Missing("choice of message attributes", name)
		}
	}
	for _, name := range in.MessageSystemAttributeNames {
		if !slices.Contains(systemAttributes(), name) {
			return 0, wire.Refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.find(in.QueueURL); err != nil || in.WaitTimeSeconds == nil {
		return 0, err
	}
	return time.Duration(*in.WaitTimeSeconds) * time.Second, nil
}

// receive takes what is available now; next is when to look again.
func (s *Service) receive(in receiveInput) (out *receiveOutput, next time.Time, err error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, time.Time{}, err
	}
	limit, visibility := 1, q.settings.visibility
	if in.MaxNumberOfMessages != nil {
		limit = *in.MaxNumberOfMessages
	}
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	now := s.cloud.Now()
	var taken []*message
	for len(taken) < limit {
		m := q.next(now)
		if m == nil {
			break
		}
		if q.settings.deadLetters != "" && m.receives >= q.settings.maxReceives && !m.copied {
			s.giveUp(q, m)
			continue
		}
		q.deliver(m, now)
		taken = append(taken, m)
	}
	out = &receiveOutput{}
	for _, m := range taken {
		q.reveal(m, now, visibility)
		out.Messages = append(out.Messages, s.describe(q, m, in))
	}
	next = now.Add(time.Hour)
	if len(q.waiting) > 0 {
		next = q.waiting[0].visibleAt
	}
	return out, next, nil
}

func (s *Service) describe(q *queue, m *message, in receiveInput) received {
	out := received{
		MessageID: m.id, ReceiptHandle: m.receiptHandle(q), Body: m.body, MD5OfBody: bodySum(m.body),
		Attributes: map[string]string{},
	}
	wanted := in.MessageSystemAttributeNames
	for name, value := range s.system(m) {
		if value != "" && (slices.Contains(wanted, name) || slices.Contains(wanted, "All")) {
			out.Attributes[name] = value
		}
	}
	if len(in.MessageAttributeNames) > 0 {
		out.MessageAttributes = m.attributes
	}
	return out
}

func systemAttributes() []string {
	return []string{
		"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
		"DeadLetterQueueSourceArn",
	}
}

func (s *Service) system(m *message) map[string]string {
	milliseconds := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	return map[string]string{
		"SenderId":                         s.cloud.Account,
		"SentTimestamp":                    milliseconds(m.sent),
		"ApproximateReceiveCount":          strconv.Itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": milliseconds(m.first),
		"DeadLetterQueueSourceArn":         m.source,
	}
}
