package infisical

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits are how many requests one address may make in a minute. Zero means no
// limit, and is what a self-hosted server has; Infisical Cloud's free plan has 600, 200
// and 90.
// Source: https://infisical.com/docs/api-reference/overview/rate-limits
type Limits struct {
	// All counts every request, Read and Write those that only read and the others.
	// A login counts as a write.
	All, Read, Write int
}

// SetLimits changes the limits from now on.
func (s *Server) SetLimits(limits Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = limits
}

const windowLength = time.Minute

// window counts requests from its start on.
type window struct {
	start time.Time
	count int
}

// limited counts the request and refuses it when it is one too many. The headers tell
// limit, rest and seconds until the window ends, of the narrower of the two limits.
func (s *Server) limited(w http.ResponseWriter, r *http.Request) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	class, limit := "read", s.limits.Read
	if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/check-destination") {
		class, limit = "write", s.limits.Write
	}
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	if no := s.count(w, "all "+address, s.limits.All); no != nil {
		return no
	}
	return s.count(w, class+" "+address, limit)
}

func (s *Server) count(w http.ResponseWriter, key string, limit int) *refusal {
	if limit <= 0 {
		return nil
	}
	now := s.now()
	current := s.windows[key]
	if current == nil || !now.Before(current.start.Add(windowLength)) {
		current = &window{start: now}
		s.windows[key] = current
	}
	current.count++
	rest := int(math.Ceil(current.start.Add(windowLength).Sub(now).Seconds()))
	header := w.Header()
	header.Set("x-ratelimit-limit", strconv.Itoa(limit))
	header.Set("x-ratelimit-remaining", strconv.Itoa(max(0, limit-current.count)))
	header.Set("x-ratelimit-reset", strconv.Itoa(rest))
	if current.count <= limit {
		return nil
	}
	header.Set("retry-after", strconv.Itoa(rest))
	return &refusal{
		status: http.StatusTooManyRequests, name: "RateLimitExceeded",
		message: fmt.Sprintf("Rate limit exceeded. Please try again in %d seconds", rest),
	}
}
