package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// ErrBodyTooLarge says that a response body is larger than the cap.
var ErrBodyTooLarge = errors.New("response body is too large")

// MaxBody reads the whole response body, at most limit bytes of it (0 means
// DefaultMaxBody), before it hands the response on. A larger body is
// ErrBodyTooLarge, and one that is cut off is an error of RoundTrip instead of a
// surprise for its decoder. The count is of decompressed bytes.
func MaxBody(next http.RoundTripper, limit int64) http.RoundTripper {
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err := ReadBody(res.Body, limit)
		_ = res.Body.Close() // read to its end, or given up
		if err != nil {
			return nil, err
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
		return res, nil
	})
}

// ReadBody reads at most limit bytes; more is ErrBodyTooLarge. For clients that
// may have been given a transport without MaxBody.
func ReadBody(body io.Reader, limit int64) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read response body: %w", err)
	}
	if int64(len(read)) > limit {
		return nil, fmt.Errorf("read response body of more than %d bytes: %w", limit, ErrBodyTooLarge)
	}
	return read, nil
}
