package sqs_test

import (
	"fmt"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/linkersync/linkersync/internal/simulator/aws/sqs"
)

// TestWorkersShareAQueue lets eight workers empty a queue that delivers twice and
// out of order: every message arrives, once as itself and at most once as a copy.
func TestWorkersShareAQueue(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.cloud.Queues.Misbehave("work", sqs.Misbehaviour{Duplicate: 0.3, Reorder: true, Seed: 1})
	const total = 300
	for i := range total {
		w.send(t, fmt.Sprint(i))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for len(w.cloud.Queues.Messages("work")) > 0 {
				out, err := w.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: w.queue, MaxNumberOfMessages: 10})
				if err != nil {
					t.Error(err)
					return
				}
				for _, message := range out.Messages {
					mu.Lock()
					seen[*message.Body]++
					mu.Unlock()
					w.remove(t, message.ReceiptHandle)
				}
			}
		})
	}
	group.Wait()
	copies := 0
	for body, times := range seen {
		if times > 2 {
			t.Errorf("message %s came %d times", body, times)
		}
		copies += times - 1
	}
	if len(seen) != total || copies < total/10 || copies > total/2 {
		t.Errorf("%d messages arrived, %d of them twice; want %d, and about 90", len(seen), copies, total)
	}
}

func TestOneOfTwoReceiversGetsAMessage(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.send(t, "only one")
	got := make(chan int, 8)
	var group sync.WaitGroup
	for range cap(got) {
		group.Go(func() {
			out, err := w.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: w.queue, MaxNumberOfMessages: 10, VisibilityTimeout: 60})
			if err != nil {
				t.Error(err)
				return
			}
			got <- len(out.Messages)
		})
	}
	group.Wait()
	close(got)
	sum := 0
	for n := range got {
		sum += n
	}
	if sum != 1 {
		t.Errorf("the message was received %d times at once", sum)
	}
	if messages := w.cloud.Queues.Messages("work"); len(messages) != 1 || messages[0].Receives != 1 || !messages[0].VisibleAt.After(w.clock.Now()) {
		t.Errorf("in the queue: %+v", messages)
	}
}
