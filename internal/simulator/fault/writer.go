package fault

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
)

// reset drops the connection with a TCP RST. Where the connection can't be had
// (a response recorder), it aborts the handler, which looks the same to a client.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the kernel says a polite FIN
	}
	_ = conn.Close()
}

// buffer is a ResponseWriter that keeps the answer.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newBuffer() *buffer { return &buffer{header: http.Header{}, status: http.StatusOK} }

func (b *buffer) Header() http.Header { return b.header }

func (b *buffer) WriteHeader(status int) { b.status = status }

func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }

// statusWriter tells note the status that a handler answers with, once. A
// hijacked connection has none.
type statusWriter struct {
	http.ResponseWriter
	note func(status int)
}

func (w *statusWriter) noteOnce(status int) {
	if w.note != nil {
		w.note(status)
		w.note = nil
	}
}

func (w *statusWriter) WriteHeader(status int) {
	if status >= http.StatusOK { // 1xx are not the answer
		w.noteOnce(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.noteOnce(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// Hijack implements http.Hijacker.
func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, stream, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.note = nil
	}
	return conn, stream, err
}

// Unwrap lets http.ResponseController reach the connection's other abilities.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
