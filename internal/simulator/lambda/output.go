package lambda

import (
	"io"
	"sync"
)

// maxOutput is how many bytes of a function's output are kept.
const maxOutput = 256 << 10

// tail keeps the last limit bytes that were written, and passes everything on.
// It never fails: a process must not get a broken pipe because a log is full.
type tail struct {
	limit int
	tee   io.Writer

	mu      sync.Mutex
	content []byte
}

// Write implements io.Writer.
func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.content = append(t.content, data...)
	// Cutting only at twice the limit makes the copying cheap.
	if len(t.content) > 2*t.limit {
		t.content = append([]byte(nil), t.content[len(t.content)-t.limit:]...)
	}
	if t.tee != nil {
		_, _ = t.tee.Write(data)
	}
	return len(data), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.content[max(0, len(t.content)-t.limit):])
}
