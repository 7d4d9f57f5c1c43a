// Package loopback serves a simulated service on a free port of 127.0.0.1, and calls
// one. It is what the simulators' Start and Close have in common, and knows none of them.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerTimeout bounds how long a client takes to send its request's header.
const headerTimeout = 10 * time.Second

// Client returns a client for servers on loopback, which keeps no connection. A port is
// soon another server's there; a kept connection would end at the server that had it
// before, and a POST on it fails with EOF.
func Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// Server is an HTTP server. The zero value is ready to be started, once.
type Server struct {
	listener net.Listener
	http     *http.Server
	served   sync.WaitGroup
}

// Start serves handler on a free port until Close.
func (s *Server) Start(handler http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on loopback: %w", err)
	}
	s.listener = listener
	s.http = &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	s.served.Go(func() { _ = s.http.Serve(listener) }) // always ends with ErrServerClosed, after Close
	return nil
}

// URL returns the base URL of a started server, without a trailing slash.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close stops the server, drops its connections and waits until it has stopped
// accepting. It is a no-op for a server that was never started or is closed already.
func (s *Server) Close() error {
	if s.http == nil {
		return nil
	}
	err := s.http.Close()
	s.served.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
