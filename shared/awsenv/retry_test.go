package awsenv_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/linkersync/linkersync/shared/awsenv"
)

func TestRetryerTriesAgainWhatAPauseCanCure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"throttled":             {&smithy.GenericAPIError{Code: "ThrottlingException"}, true},
		"too many requests":     {&smithy.GenericAPIError{Code: "TooManyRequestsException"}, true},
		"connection cut":        {errors.New("read: use of closed network connection"), true},
		"a full quota":          {&smithy.GenericAPIError{Code: "LimitExceededException"}, false},
		"access denied":         {&smithy.GenericAPIError{Code: "AccessDeniedException"}, false},
		"a lost race":           {&smithy.GenericAPIError{Code: "InvalidParameterException"}, false},
		"the caller hanging up": {&smithy.CanceledError{Err: errors.New("canceled")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := awsenv.NewRetryer().IsErrorRetryable(test.err); got != test.want {
				t.Errorf("IsErrorRetryable(%v) = %v, want %v", test.err, got, test.want)
			}
		})
	}
}

func TestBackoffHasJitterAndStaysWithinItsBound(t *testing.T) {
	t.Parallel()
	milliseconds := []int{100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000, 2000, 2000, 2000}
	retryer := awsenv.NewRetryer()
	for i, number := range milliseconds {
		limit := time.Duration(number) * time.Millisecond
		seen := map[time.Duration]bool{}
		for range 200 {
			delay, err := retryer.RetryDelay(i+1, errors.New("throttled"))
			if err != nil {
				t.Fatal(err)
			}
			if delay < 0 || delay >= limit {
				t.Fatalf("pause after attempt %d is %v, want at least 0 and less than %v", i+1, delay, limit)
			}
			seen[delay] = true
		}
		if len(seen) < 100 {
			t.Errorf("attempt %d: %d different pauses of 200, want jitter", i+1, len(seen))
		}
	}
	if delay, err := retryer.RetryDelay(1000, nil); err != nil || delay > awsenv.MaxBackoff {
		t.Errorf("attempt 1000: pause %v, error %v", delay, err)
	}
}
