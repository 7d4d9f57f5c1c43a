// Package bitbucket plays Bitbucket Cloud on loopback, as far as a Connect app
// with linkers meets it: the Addon API, the OAuth JWT grant, the two calls that
// prove a credential, and the lifecycle callbacks that Bitbucket sends.
//
// It is strict where Bitbucket is documented to be: every JWT is checked to the
// letter, with code of its own, so that a mistake in the product's signer can't
// hide behind the same mistake here. Where no document tells what Bitbucket does
// (bodies of linker values, PUT as replace or merge), a switch chooses, so that
// the product can be shown to cope with either: see [Switches].
//
// It is not a Bitbucket: there are no repositories and users but those seeded,
// and no persistence.
//
//	sim := bitbucket.New(bitbucket.Options{})
//	url, err := sim.Start()
//	defer sim.Close()
//	err = sim.Seed(bitbucket.State{Apps: …, Installations: …})
//
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-addon/
package bitbucket

import (
	"net/http"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// Options configure a [Server]. The zero value is ready to use.
type Options struct {
	// Now is the clock that tokens, budgets and time-stamps go by. Nil means time.Now.
	Now func() time.Time
	// Faults makes the server misbehave and counts its calls. Nil means an
	// injector without rules, which [Server.Faults] returns.
	Faults *fault.Injector
	// HTTP delivers lifecycle callbacks and reads descriptors. Nil means a client that
	// gives up after ten seconds, as Bitbucket's webhooks do, and follows no redirect.
	HTTP *http.Client
	// Switches are those that the server starts with, and goes back to on Reset.
	Switches Switches
}

// Server is a simulated Bitbucket Cloud: api.bitbucket.org and the one path of
// bitbucket.org that issues access tokens, on one address. It is safe for
// concurrent use.
type Server struct {
	*loopback.Service
	now     func() time.Time
	client  *http.Client
	initial Switches
	listed  lastListed

	mu            sync.RWMutex
	switches      Switches
	apps          map[string]*App
	users         map[string]*User
	repositories  map[string]*Repository
	installations map[string]*installation
	grants        map[string]grant
	budgets       map[string]*budget
	// lastDescriptors are, by app key, what the last update brought along.
	lastDescriptors map[string]*descriptor
	// serial numbers linker states, so that no two of them share a value id.
	serial int64
}

// New returns a server that knows no app yet. It answers as soon as it is
// mounted or started.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Faults == nil {
		options.Faults = fault.New(fault.Options{})
	}
	if options.HTTP == nil {
		options.HTTP = &http.Client{
			// Not the shared one: it would keep connections to apps that are long gone.
			Transport:     &http.Transport{IdleConnTimeout: deliveryTimeout},
			Timeout:       deliveryTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	s := &Server{now: options.Now, client: options.HTTP, initial: options.Switches}
	s.forget()
	s.Service = loopback.NewService(options.Faults, s.route)
	return s
}

// Close also drops the connections to apps.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	return s.Service.Close()
}
