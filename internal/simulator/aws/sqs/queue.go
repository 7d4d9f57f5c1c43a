package sqs

import (
	"cmp"
	"container/heap"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// queue holds messages; all fields are guarded by Service.mu.
type queue struct {
	name     string
	settings settings

	sent     int              // numbers messages
	messages map[int]*message // by number
	waiting  schedule         // the same, by when they can be received

	nextExpiry time.Time // of the oldest message; zero when there is none

	misbehaviour Misbehaviour
	rng          *rand.Rand
}

// message is one message, or the copy of one that a misbehaving queue delivers.
type message struct {
	number     int
	id, body   string
	attributes map[string]attribute
	source     string // ARN of the queue that gave the message up
	sent       time.Time
	first      time.Time // of being received
	received   time.Time // last
	visibleAt  time.Time
	receives   int
	handle     int // counts deliveries; the last one's handle is valid
	copied     bool
	place      int // in the schedule
}

func newQueue(name string) *queue {
	return &queue{name: name, settings: defaults(), messages: map[int]*message{}}
}

func (q *queue) add(m *message) {
	q.sent++
	m.number = q.sent
	q.messages[m.number] = m
	heap.Push(&q.waiting, m)
	q.expireAt(m.sent.Add(q.settings.retention))
}

func (q *queue) remove(m *message) {
	delete(q.messages, m.number)
	heap.Remove(&q.waiting, m.place)
}

func (q *queue) showAt(m *message, at time.Time) {
	m.visibleAt = at
	heap.Fix(&q.waiting, m.place)
}

func (q *queue) bySending() []*message {
	return slices.SortedFunc(maps.Values(q.messages), func(a, b *message) int { return cmp.Compare(a.number, b.number) })
}

// next returns the message to deliver now, or nil.
func (q *queue) next(now time.Time) *message {
	if len(q.waiting) == 0 || q.waiting[0].visibleAt.After(now) {
		return nil
	}
	if !q.misbehaviour.Reorder {
		return q.waiting[0]
	}
	var available []*message
	for _, m := range q.waiting {
		if !m.visibleAt.After(now) {
			available = append(available, m)
		}
	}
	return available[q.rng.IntN(len(available))]
}

// deliver hides a message that is being received, until reveal says when it is
// visible again: within one receive nothing comes twice.
func (q *queue) deliver(m *message, now time.Time) {
	if m.first.IsZero() {
		m.first = now
	}
	m.received = now
	m.handle++
	if m.copied { // a copy is delivered once and is not one more attempt
		q.remove(m)
		return
	}
	m.receives++
	q.showAt(m, now.Add(q.settings.retention))
}

// reveal sets when a delivered message is visible again, and now and then leaves
// a copy behind.
func (q *queue) reveal(m *message, now time.Time, visibility time.Duration) {
	if m.copied {
		return
	}
	q.showAt(m, now.Add(visibility))
	if q.misbehaviour.Duplicate > 0 && q.rng.Float64() < q.misbehaviour.Duplicate {
		again := *m
		again.copied, again.visibleAt = true, now
		q.add(&again)
	}
}

// expire drops the messages that have been kept for as long as the queue keeps any.
func (q *queue) expire(now time.Time) {
	if q.nextExpiry.IsZero() || now.Before(q.nextExpiry) {
		return // the usual case, which keeps calls cheap with 10,000 messages
	}
	q.nextExpiry = time.Time{}
	for _, m := range q.messages {
		if end := m.sent.Add(q.settings.retention); now.Before(end) {
			q.expireAt(end)
		} else {
			q.remove(m)
		}
	}
}

func (q *queue) expireAt(t time.Time) {
	if q.nextExpiry.IsZero() || t.Before(q.nextExpiry) {
		q.nextExpiry = t
	}
}

// counts returns how many messages can be received and are in flight.
func (q *queue) counts(now time.Time) (available, inFlight int) {
	for _, m := range q.messages {
		if m.visibleAt.After(now) {
			inFlight++
		} else {
			available++
		}
	}
	return available, inFlight
}

// schedule is a heap of messages by when they can be received; those that can be
// received at the same time are in order of sending.
type schedule []*message

// Len implements heap.Interface.
func (s schedule) Len() int { return len(s) }

// Less implements heap.Interface.
func (s schedule) Less(i, j int) bool {
	if !s[i].visibleAt.Equal(s[j].visibleAt) {
		return s[i].visibleAt.Before(s[j].visibleAt)
	}
	return s[i].number < s[j].number
}

// Swap implements heap.Interface.
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

// Push implements heap.Interface.
func (s *schedule) Push(x any) {
	m, _ := x.(*message)
	m.place = len(*s)
	*s = append(*s, m)
}

// Pop implements heap.Interface.
func (s *schedule) Pop() any {
	last := (*s)[len(*s)-1]
	(*s)[len(*s)-1] = nil
	*s = (*s)[:len(*s)-1]
	return last
}

// arn names the queue.
func (s *Service) arn(q *queue) string { return s.cloud.ARN("sqs", q.name) }

// byARN returns the queue of that name, nil when there is none.
func (s *Service) byARN(arn string) *queue {
	for _, q := range s.queues {
		if s.arn(q) == arn {
			return q
		}
	}
	return nil
}

// giveUp moves a message that was received too often to the dead-letter queue.
// It keeps its id and the time of its sending.
func (s *Service) giveUp(q *queue, m *message) {
	q.remove(m)
	dead := *m
	dead.receives, dead.handle, dead.first, dead.source = 0, 0, time.Time{}, s.arn(q)
	dead.visibleAt = s.cloud.Now()
	s.byARN(q.settings.deadLetters).add(&dead)
	s.wake()
}
