// Package infisical plays Infisical on loopback, as far as a machine identity that
// keeps Bitbucket App Connections meets it: three logins, tokens that expire, and the
// app connection endpoints with their order of checks and their errors.
//
// It is strict: bodies are validated by the server's published rules, an AWS login's
// signature is verified with code of its own, and the credentials of a connection
// are tried against a Bitbucket, which in tests is the simulated one.
//
// It is not an Infisical: there are no secrets, no people, no other app's
// connections but those seeded, and no persistence.
//
//	sim := infisical.New(infisical.Options{BitbucketURL: bitbucketURL})
//	url, err := sim.Start()
//	defer sim.Close()
//	err = sim.Seed(infisical.State{Organizations: …, Identities: …})
//
// Source: https://infisical.com/docs/api-reference/endpoints/app-connections/bitbucket
package infisical

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/simulator/fault"
	"github.com/linkersync/linkersync/shared/simulator/loopback"
)

// Options configure a [Server]. The zero value is ready to use, but has no
// Bitbucket to try credentials against.
type Options struct {
	// Now is the clock that tokens, lock-outs and limits go by. Nil means time.Now.
	Now func() time.Time
	// Faults makes the server misbehave and counts its calls. Nil means an injector
	// without rules, which [Server.Faults] returns.
	Faults *fault.Injector
	// BitbucketURL is where GET /2.0/user tries a connection's credentials.
	BitbucketURL string
	// Sleep waits between the attempts of that call. Nil means a real timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Limits are those that the server starts with, and goes back to on Reset.
	// The zero value, no limits, is a self-hosted server.
	Limits Limits
}

// Server is a simulated Infisical. It is safe for concurrent use.
type Server struct {
	now          func() time.Time
	faults       *fault.Injector
	sleep        func(context.Context, time.Duration) error
	bitbucketURL string
	client       *http.Client
	handler      http.Handler
	initial      Limits
	// signingKey makes the access tokens; it is another one for each server.
	signingKey []byte

	mu            sync.Mutex
	limits        Limits
	windows       map[string]*window
	organizations map[string]*Organization
	projects      map[string]*Project
	identities    map[string]*Identity
	issuers       map[string]*Issuer
	awsKeys       map[string]*AWSKey
	connections   map[string]*Connection
	tokens        map[string]*tokenRow
	lockouts      map[string]*lockout

	loopback loopback.Server
}

// New returns a server that knows nothing yet. It answers as soon as it is
// mounted or started.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Faults == nil {
		options.Faults = fault.New(fault.Options{})
	}
	if options.Sleep == nil {
		options.Sleep = sleep
	}
	s := &Server{
		now: options.Now, faults: options.Faults, sleep: options.Sleep, bitbucketURL: options.BitbucketURL,
		client: newCheckClient(), initial: options.Limits, signingKey: []byte(rand.Text() + rand.Text()),
	}
	s.forget()
	s.handler = options.Faults.Wrap(http.HandlerFunc(s.route))
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Faults returns the injector that wraps the server: for rules, and for the log of calls.
func (s *Server) Faults() *fault.Injector { return s.faults }

// Start serves on a free loopback port and returns the base URL, which is what
// clients take for https://app.infisical.com.
func (s *Server) Start() (string, error) {
	if err := s.loopback.Start(s); err != nil {
		return "", fmt.Errorf("start infisical simulator: %w", err)
	}
	return s.URL(), nil
}

// URL returns the base URL of a started server, without a trailing slash.
func (s *Server) URL() string { return s.loopback.URL() }

// Close stops a started server, drops its connections and waits until it has
// stopped accepting. It is a no-op for a server that was never started.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	return s.loopback.Close()
}
