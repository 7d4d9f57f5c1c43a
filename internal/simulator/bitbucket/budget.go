package bitbucket

import "time"

// budget counts one caller's calls in a rolling hour, to the minute. It is small,
// because there is one for each of perhaps ten thousand installations.
// Source: https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/
type budget struct {
	minutes [60]uint16
	// newest is the minute, counted from the epoch, of the newest slot.
	newest int64
}

// spend takes one call off the caller's budget and tells whether there was one left.
func (s *Server) spend(caller string, limit int) bool {
	if limit <= 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.budgets[caller]
	if b == nil {
		b = &budget{}
		s.budgets[caller] = b
	}
	return b.spend(s.now(), limit)
}

func (b *budget) spend(now time.Time, limit int) bool {
	minute := now.Unix() / 60
	for b.newest < minute {
		// Jumping straight to the last hour keeps this bounded after a long pause.
		b.newest = max(b.newest+1, minute-int64(len(b.minutes)))
		b.minutes[b.newest%int64(len(b.minutes))] = 0
	}
	used := 0
	for _, calls := range b.minutes {
		used += int(calls)
	}
	if used >= limit {
		return false
	}
	b.minutes[minute%int64(len(b.minutes))]++
	return true
}
