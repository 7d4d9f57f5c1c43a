package loopback

import (
	"crypto/rand"
	"fmt"
	"net/http"

	"github.com/linkersync/linkersync/internal/simulator/fault"
)

// Service is a simulated service: faults in front of its handler, to be mounted
// somewhere or started on a port of its own.
type Service struct {
	faults  *fault.Injector
	handler http.Handler
	server  Server
}

// NewService returns a service that hands to route what faults let pass.
func NewService(faults *fault.Injector, route http.HandlerFunc) *Service {
	return &Service{faults: faults, handler: faults.Wrap(route)}
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Faults returns the injector: for rules, and for the log of calls.
func (s *Service) Faults() *fault.Injector { return s.faults }

// Start serves on a free port and returns the base URL, which is what clients take
// for the service's own.
func (s *Service) Start() (string, error) {
	if err := s.server.Start(s); err != nil {
		return "", fmt.Errorf("start simulator: %w", err)
	}
	return s.URL(), nil
}

// URL returns the base URL of a started service, without a trailing slash.
func (s *Service) URL() string { return s.server.URL() }

// Close stops a started service, drops its connections and waits until it has
// stopped accepting. It is a no-op for one that was never started.
func (s *Service) Close() error { return s.server.Close() }

// UUID returns a random version 4 UUID, as services make them for requests and things.
func UUID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, says its documentation
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
