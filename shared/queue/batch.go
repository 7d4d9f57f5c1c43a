package queue

import "iter"

// Limits of a call that takes a batch, for SQS and EventBridge alike. AWS has
// raised both to 1 MB, which not every target of a rule accepts.
// Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
// and https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
const (
	batchCount = 10
	BatchBytes = 256 << 10
)

// Batches splits a list into as few calls as the limits permit, in order. What is too
// large by itself is a batch of its own, for the caller or the service to refuse.
func Batches[T any](list []T, size func(T) int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		start, total := 0, 0
		for i, one := range list {
			if i > start && (i-start == batchCount || total+size(one) > BatchBytes) {
				if !yield(list[start:i]) {
					return
				}
				start, total = i, 0
			}
			total += size(one)
		}
		if start < len(list) {
			yield(list[start:])
		}
	}
}
