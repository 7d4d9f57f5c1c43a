// Package inprocess lets a client call a simulated service without a socket, for
// measurements: what a connection and the kernel cost would drown what our own
// code does. Everything else, faults above all, wants a real connection.
package inprocess

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Transport hands each request to Handler and returns the answer once it is
// complete. It must not be copied, and serves one request at a time.
type Transport struct {
	Handler http.Handler
	// Served is how long Handler took in all, to be taken off a measured time.
	Served time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	if request.Body != nil {
		defer func() { _ = request.Body.Close() }()
	}
	began := time.Now()
	received := request.Clone(request.Context())
	received.RequestURI = request.URL.RequestURI()
	received.RemoteAddr = "127.0.0.1:1"
	if received.Host == "" {
		received.Host = request.URL.Host
	}
	if received.Body == nil {
		received.Body = http.NoBody // a server's handler never sees nil
	}
	answer := &answer{header: http.Header{}}
	t.Handler.ServeHTTP(answer, received)
	t.Served += time.Since(began)
	return answer.response(request), nil
}

// answer is an http.ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter: the first call counts.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) response(request *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: request,
	}
}
