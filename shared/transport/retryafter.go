package transport

import (
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter keeps a nonsensical number of seconds from overflowing.
const maxRetryAfter = 24 * time.Hour

// RetryAfter reads the Retry-After header, in seconds or as a date; a date in the
// past is no wait at all. False means that the header is missing or unreadable.
// Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func RetryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		if seconds < 0 {
			return 0, false
		}
		return time.Duration(min(seconds, int64(maxRetryAfter/time.Second))) * time.Second, true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(now), 0), maxRetryAfter), true
}
