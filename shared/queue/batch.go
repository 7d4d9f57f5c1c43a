package queue

import "iter"

// Limits of a call that takes a batch. AWS has raised the size to 1 MB.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
const (
	batchCount = 10
	batchBytes = 256 << 10
)

// batches splits a list into as few calls as the limits permit, in order. What is too
// large by itself is a batch of its own, for SQS to refuse.
func batches[T any](list []T, size func(T) int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		start, total := 0, 0
		for i, one := range list {
			if i > start && (i-start == batchCount || total+size(one) > batchBytes) {
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
