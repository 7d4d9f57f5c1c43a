package setup

import (
	"net/http"
	"sync/atomic"
	"time"
)

// MaxSkew is how far this machine's clock may be from Bitbucket's before requests
// are at risk: a JWT is good for three minutes, and the Date header has no fractions.
const MaxSkew = time.Minute

// clock compares this machine's time with the Date header of each answer.
type clock struct {
	next http.RoundTripper
	now  func() time.Time
	// skew is in nanoseconds; asked tells it from never compared.
	skew  atomic.Int64
	asked atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return response, err
	}
	if theirs, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		c.skew.Store(int64(c.now().Sub(theirs).Round(time.Second)))
		c.asked.Store(true)
	}
	return response, nil
}

// Skew is how far this machine's clock is ahead of the one in Bitbucket's last
// answer, to the second; it is not known before the first answer.
func (s *Session) Skew() (ahead time.Duration, known bool) {
	return time.Duration(s.clock.skew.Load()), s.clock.asked.Load()
}
