package awsenv

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// MaxAttempts is how often a call is made before its error is returned. With
// [MaxBackoff] it bounds what retrying adds to a call: 3.1 seconds at most, 1.5
// on average, and never more than the context's deadline.
const MaxAttempts = 6

// MaxBackoff is the longest pause between two attempts.
const MaxBackoff = 2 * time.Second

// firstBackoff is the longest pause after the first attempt; it doubles.
const firstBackoff = 100 * time.Millisecond

// NewRetryer returns the policy for every AWS client: throttling, server errors
// and broken connections are tried again with full jitter. The SDK's own policy
// makes three attempts a second or more apart, which a throttled account exceeds
// and a waiting HTTP caller doesn't sit out.
// Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
func NewRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = MaxAttempts
		o.Backoff = retry.BackoffDelayerFunc(backoff)
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(quotaIsFinal)}, o.Retryables...)
	})
}

// backoff returns a random pause up to firstBackoff doubled for each attempt made.
func backoff(attempt int, _ error) (time.Duration, error) {
	limit := MaxBackoff
	if doublings := attempt - 1; doublings < 10 {
		limit = min(limit, firstBackoff<<max(doublings, 0))
	}
	//nolint:gosec // G404: pauses must differ between callers, not be unpredictable.
	return rand.N(limit), nil
}

// quotaIsFinal keeps LimitExceededException from being tried again. The SDK takes
// it for throttling; in the services used here it is a full quota, such as the
// versions of one secret, which no pause of seconds empties.
func quotaIsFinal(err error) aws.Ternary {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "LimitExceededException" {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}
