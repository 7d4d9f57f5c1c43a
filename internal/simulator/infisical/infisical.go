// Package infisical plays Infisical on loopback, as far as a machine identity that
// keeps Bitbucket App Connections meets it: three logins, tokens that expire, and the
// app connection, secret sync and data source endpoints with their order of checks
// and their errors.
//
// It is strict: bodies are validated by the server's published rules, an AWS login's
// signature is verified with code of its own, and the credentials of a connection
// are tried against a Bitbucket, which in tests is the simulated one.
//
// It is not an Infisical: there are no secrets, no people, no other app's
// connections but those seeded, no renewal of tokens (nobody here renews one), and no
// persistence.
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
	"net/http"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/clock"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// Options configure a [Server]. The zero value is ready to use, but has no
// Bitbucket to try credentials against.
type Options struct {
	// Now is the clock that tokens, lock-outs and limits go by. Nil means time.Now.
	Now func() time.Time
	// BitbucketURL is where GET /2.0/user tries a connection's credentials.
	BitbucketURL string
	// Sleep waits between the attempts of that call. Nil means a real timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Server is a simulated Infisical. It is safe for concurrent use.
type Server struct {
	*loopback.Service
	now          func() time.Time
	sleep        func(context.Context, time.Duration) error
	bitbucketURL string
	client       *http.Client
	// signingKey makes the access tokens; it is another one for each server.
	signingKey []byte

	mu            sync.Mutex
	limits        Limits
	runTime       time.Duration
	windows       map[string]*window
	organizations map[string]*Organization
	projects      map[string]*Project
	identities    map[string]*Identity
	issuers       map[string]*Issuer
	awsKeys       map[string]*AWSKey
	connections   map[string]*Connection
	syncs         map[string]*Sync
	dataSources   map[string]*DataSource
	tokens        map[string]*tokenRow
	lockouts      map[string]*lockout
}

// New returns a server that knows nothing yet. It answers as soon as it is
// mounted or started.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Sleep == nil {
		options.Sleep = clock.Sleep
	}
	s := &Server{
		now: options.Now, sleep: options.Sleep, bitbucketURL: options.BitbucketURL,
		client: newCheckClient(), signingKey: []byte(rand.Text() + rand.Text()),
	}
	s.forget()
	s.Service = loopback.NewService(fault.New(fault.Options{}), s.route)
	return s
}

// Close also drops the connections to Bitbucket.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	return s.Service.Close()
}
