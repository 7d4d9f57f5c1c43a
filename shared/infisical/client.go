package infisical

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/linkersync/linkersync/shared/redact"
	"github.com/linkersync/linkersync/shared/transport"
)

// DefaultBaseURL is Infisical Cloud in the US, https://us.infisical.com by another
// name. The EU's is https://eu.infisical.com; a self-hosted server has its own.
// Source: https://infisical.com/docs/api-reference/overview/introduction
const DefaultBaseURL = "https://app.infisical.com"

// Client calls Infisical as one machine identity. Set the fields before the
// first call and leave them alone after it. Its methods may be called from
// several goroutines; they share one login.
type Client struct {
	// BaseURL is https, or http on a loopback address; DefaultBaseURL when empty.
	BaseURL string
	// Login says how the identity proves itself. Required.
	Login Login
	// OrganizationSlug selects a sub-organisation of the identity's own.
	OrganizationSlug string
	// HTTP sends the requests; nil takes the stack of package transport. A stack of
	// your own should hand back a 429 at once, because the client waits for those
	// itself. It is copied, and the copy follows no redirect.
	HTTP *http.Client
	// RootCAs replaces the system's certificate authorities, see [LoadRootCAs].
	// It can't be combined with HTTP, whose transport has its own.
	RootCAs *x509.CertPool
	// OnToken is told each access token before it is used, so that a CI can mask it.
	// Nil means no notice.
	OnToken func(redact.Secret)
	// Watch, when set, is called after each attempt of a request. HTTP replaces it.
	Watch func(transport.Attempt)
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Sleep waits for d or until ctx is done, whose error it then returns. Nil
	// waits for real.
	Sleep func(ctx context.Context, d time.Duration) error

	prepared sync.Once
	endpoint endpoint
	invalid  error
	session  session
}

// prepare checks the configuration once and keeps what it found.
func (c *Client) prepare() error {
	c.prepared.Do(func() {
		c.endpoint, c.invalid = c.newEndpoint()
		c.session.gate = make(chan struct{}, 1)
	})
	return c.invalid
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	return transport.Sleep(ctx, d)
}

// do sends r with the identity's token. A token that Infisical no longer takes
// (revoked by somebody, used up, or the clocks differ) is replaced once: it is
// checked before anything else happens, so the request had no effect.
func (c *Client) do(ctx context.Context, r request, into answer) error {
	if err := c.prepare(); err != nil {
		return err
	}
	var err error
	for range 2 {
		if r.token, err = c.token(ctx); err != nil {
			return err
		}
		err = c.send(ctx, r, into)
		if !errors.Is(err, ErrTokenExpired) && !errors.Is(err, ErrUnauthorized) {
			return err
		}
		if dropErr := c.session.drop(ctx, r.token); dropErr != nil {
			return fmt.Errorf("replace the access token: %w", dropErr)
		}
	}
	return err
}
