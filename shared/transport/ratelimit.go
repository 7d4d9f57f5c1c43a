package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a number of requests per second for one client.
type Rate struct {
	// PerSecond may be below one; 0 means no limit.
	PerSecond float64
	// Now and Sleep default to the real clock.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// errNoTurn says that nothing was sent; Retry doesn't stand in line again.
var errNoTurn = errors.New("wait for turn")

// RateLimit spaces requests evenly. A request whose turn would come after its
// context's deadline fails at once with context.DeadlineExceeded.
func RateLimit(next http.RoundTripper, r Rate) http.RoundTripper {
	if r.PerSecond <= 0 {
		return next
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Sleep == nil {
		r.Sleep = Sleep
	}
	limiter := rate.NewLimiter(rate.Limit(r.PerSecond), 1)
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if err := r.waitForTurn(req.Context(), limiter); err != nil {
			return refuse(req, fmt.Errorf("%w at %g requests per second: %w", errNoTurn, r.PerSecond, err))
		}
		return next.RoundTrip(req)
	})
}

func (r Rate) waitForTurn(ctx context.Context, limiter *rate.Limiter) error {
	now := r.Now()
	turn := limiter.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait <= 0 {
		return ctx.Err()
	}
	if deadline, ok := ctx.Deadline(); ok && now.Add(wait).After(deadline) {
		turn.CancelAt(now) // others may have it
		return context.DeadlineExceeded
	}
	if err := r.Sleep(ctx, wait); err != nil {
		turn.CancelAt(r.Now())
		return err
	}
	return nil
}
